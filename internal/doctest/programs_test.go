package doctest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// README's program takes the lock that it says it takes.
func TestReadmeProgramTakesALock(t *testing.T) {
	const address = "127.0.0.1:2181"
	program := ""
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if p.path == "README.md" && b.is("go") && strings.Contains(b.text, address) {
				program = b.text
			}
		}
	}
	if program == "" {
		t.Fatal("README.md has no program that connects to " + address)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	ports := freePorts(t)
	server := exec.CommandContext(ctx, binary(t), "server", "--dataDir", t.TempDir())
	server.Env = append(os.Environ(), ports.environ()...)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	file := filepath.Join(t.TempDir(), "main.go")
	program = strings.ReplaceAll(program, address, "127.0.0.1:"+ports.client)
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "go", "run", file)
	cmd.Dir = root // its imports are those of this module
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "it is mine, with token ") {
		t.Errorf("%v\n%s", err, out)
	}
}
