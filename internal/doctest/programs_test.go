package doctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Go programs in the pages compile, and go vet has nothing against them.
func TestProgramsCompile(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if !b.is("go") || !strings.HasPrefix(b.text, "package main\n") {
				continue
			}
			n++
			dir := t.TempDir()
			file := filepath.Join(dir, "main.go")
			if err := os.WriteFile(file, []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("go", "vet", file) // which does not link
			cmd.Dir = root                         // its imports are those of this module
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s:%d: %v\n%s", p.path, b.line, err, out)
			}
		}
	}
	if n == 0 {
		t.Error("no program was found")
	}
}
