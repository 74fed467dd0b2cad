package plant_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// bugs are the names of the constants.
func bugs(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "bugs.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			names = append(names, v.Names[0].Name)
		}
		return true
	})
	if len(names) < 25 {
		t.Fatalf("only %d bugs found", len(names))
	}
	return names
}

// Every bug is asked for by code, and planted by a test: one that nobody catches
// proves nothing.
func TestEveryBugIsAskedForAndPlanted(t *testing.T) {
	asked, planted := map[string]bool{}, map[string]bool{}
	mention := regexp.MustCompile(`\bplant\.([A-Z]\w+)`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := asked
		if strings.HasSuffix(path, "_test.go") {
			to = planted
		}
		for _, m := range mention.FindAllSubmatch(text, -1) {
			to[string(m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bugs(t) {
		if !asked[b] {
			t.Errorf("no code asks for %s", b)
		}
		if !planted[b] {
			t.Errorf("no test plants %s", b)
		}
	}
}
