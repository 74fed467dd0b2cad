package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"strings"
	"testing"
)

// pure are the packages, and files of packages, that are functions of what they
// are given: they can be simulated, replayed from a seed and read without
// thinking of anything else.
var pure = []string{
	"wire/*.go",
	"datatree/*.go",
	"session/*.go",
	"watch/*.go",
	"sasl/*.go",
	"internal/properties/*.go",
	"quorum/*.go",
	"zab/*.go",
	"election/*.go",
	"server/pipeline/prep*.go",
	"server/pipeline/overlay.go",
	"server/pipeline/optable.go",
	"server/pipeline/validate.go",
	"server/pipeline/request.go",
}

// impure are the standard packages that pure code does not import. An entry
// stands for what is below it too.
var impure = map[string]string{
	"context":     "nothing in it waits, so nothing can be cancelled",
	"crypto/rand": "randomness is handed in",
	"log":         "it returns what is worth telling; the server logs it",
	"math/rand":   "randomness is handed in",
	"net":         "it owns no socket",
	"os":          "it owns no file and no process; a checkpoint is written through what it is given",
	"runtime":     "it does not depend on the machine it runs on",
	"sync":        "whoever calls it serialises",
	"syscall":     "it owns no file and no process",
	"testing":     "no test helper belongs into what is shipped",
	"time":        "time is a number that is handed in",
	"unique":      "a global table, and it locks",
}

func isPure(name string) bool {
	for _, pattern := range pure {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}

// under returns the entry of rules that covers an import, and whether there is one.
func under(rules map[string]string, imported string) (reason string, ok bool) {
	for p := imported; p != "."; p = path.Dir(p) {
		if reason, ok := rules[p]; ok {
			return reason, true
		}
	}
	return "", false
}

func checkPureImports(f *file) (bad []string) {
	if !isPure(f.name) {
		return nil
	}
	for _, imported := range f.imports() {
		switch reason, forbidden := under(impure, imported); {
		case forbidden:
			bad = append(bad, fmt.Sprintf("%s imports %s: %s", f.name, imported, reason))
		case strings.Contains(strings.Split(imported, "/")[0], ".") && imported[0] != '.':
			bad = append(bad, fmt.Sprintf("%s imports %s: pure code stands on the standard library and package wire", f.name, imported))
		}
	}
	return bad
}

// checkPureStatements looks for goroutines and channels.
func checkPureStatements(f *file) (bad []string) {
	if !isPure(f.name) {
		return nil
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			bad = append(bad, f.at(n.Pos())+": pure code starts no goroutine")
		case *ast.ChanType:
			bad = append(bad, f.at(n.Pos())+": pure code has no channel")
		case *ast.SelectStmt:
			bad = append(bad, f.at(n.Pos())+": pure code waits for nothing")
		}
		return true
	})
	return bad
}

// checkInit looks for init functions, anywhere.
func checkInit(f *file) (bad []string) {
	for _, decl := range f.ast.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			bad = append(bad, f.at(fn.Pos())+": no init function: importing a package does nothing")
		}
	}
	return bad
}

// checkDotImports looks for imports that hide where a name comes from, or that
// are only there for what they do.
func checkDotImports(f *file) (bad []string) {
	for _, spec := range f.ast.Imports {
		if spec.Name == nil || spec.Name.Name != "." && spec.Name.Name != "_" || spec.Path.Value == `"embed"` {
			continue
		}
		bad = append(bad, f.at(spec.Pos())+": import "+spec.Name.Name+" "+spec.Path.Value)
	}
	return bad
}

var fileRules = map[string]func(*file) []string{
	"pure imports":    checkPureImports,
	"pure statements": checkPureStatements,
	"init":            checkInit,
	"dot imports":     checkDotImports,
	"arrows":          checkArrows,
}

func TestFiles(t *testing.T) {
	files := sources(t)
	for name, rule := range fileRules {
		for _, f := range files {
			for _, bad := range rule(f) {
				t.Errorf("%s: %s", name, bad)
			}
		}
	}
}

// The rules about pure code are about files that exist.
func TestPurePatternsMatch(t *testing.T) {
	later := map[string]bool{"zab/*.go": true}
	files := sources(t)
	for _, pattern := range pure {
		matched := false
		for _, f := range files {
			ok, err := path.Match(pattern, f.name)
			if err != nil {
				t.Fatal(err)
			}
			matched = matched || ok
		}
		if !matched && !later[pattern] {
			t.Errorf("no file matches %s", pattern)
		}
	}
}

// Each rule finds what it is there for, and only that.
func TestRulesFindPlantedFaults(t *testing.T) {
	for _, tt := range []struct {
		rule, name, src string
		want            int
	}{
		{"pure imports", "wire/x.go", `package wire; import ("fmt"; "time"; "net/http"; "sync/atomic"; "os")`, 4},
		{"pure imports", "wire/x.go", `package wire; import "go.uber.org/zap"`, 1},
		{"pure imports", "watch/x.go", `package watch; import ("maps"; "github.com/zabra/zabra/wire"; "math/bits"; "io")`, 0},
		{"pure imports", "server/pipeline/prep_x.go", `package pipeline; import "math/rand/v2"`, 1},
		{"pure imports", "server/pipeline/core.go", `package pipeline; import "time"`, 0},
		{"pure imports", "wire/internal/gen/x.go", `package main; import "os"`, 0},
		{"pure statements", "session/x.go", `package session; func f() { go f() }`, 1},
		{"pure statements", "session/x.go", `package session; var c chan int; func f() { select {} }`, 2},
		{"pure statements", "server/x.go", `package server; func f() { go f() }`, 0},
		{"init", "cmd/zabra/x.go", `package main; func init() {}`, 1},
		{"init", "cmd/zabra/x.go", `package main; type t int; func (t) init() {}; func initial() {}`, 0},
		{"dot imports", "server/x.go", `package server; import . "fmt"; import _ "net/http/pprof"; import _ "embed"; import x "io"`, 2},
		{"arrows", "wire/x.go", `package wire; import "github.com/zabra/zabra/datatree"`, 1},
		{"arrows", "datatree/x.go", `package datatree; import ("github.com/zabra/zabra/wire"; "github.com/zabra/zabra/watch")`, 1},
		{"arrows", "client/x.go", `package client; import "github.com/zabra/zabra/server/conn"`, 1},
		{"arrows", "client/recipes/x.go", `package recipes; import ("github.com/zabra/zabra/client"; "github.com/zabra/zabra/server")`, 1},
		{"arrows", "server/txnlog/x.go", `package txnlog; import ("os"; "github.com/zabra/zabra/internal/vfs/osfs"; "github.com/zabra/zabra/internal/vfs")`, 2},
		{"arrows", "server/conn/x.go", `package conn; import "github.com/zabra/zabra/internal/bench"`, 1},
		{"arrows", "server/txnlog/x.go", `package txnlog; import ("os"; "github.com/zabra/zabra/server")`, 2},
		{"arrows", "server/x.go", `package server; import "github.com/zabra/zabra/server/conn"`, 0},
		{"arrows", "server/admin/x.go", `package admin; import "github.com/zabra/zabra/server"`, 1},
		{"arrows", "cmd/zabra/x.go", `package main; import "github.com/zabra/zabra/server"`, 0},
		{"arrows", "internal/bench/x.go", `package bench; import "github.com/zabra/zabra/server"`, 1},
	} {
		if got := fileRules[tt.rule](parse(t, tt.name, tt.src)); len(got) != tt.want {
			t.Errorf("%s, %s: %q: %d complaints, want %d: %q", tt.rule, tt.name, tt.src, len(got), tt.want, got)
		}
	}
	if _, ok := under(impure, "network"); ok {
		t.Error("a rule covers a package whose name only begins like it")
	}
}
