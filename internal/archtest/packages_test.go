package archtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// vague are package names that say nothing of what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared", "lib", "tools", "types", "models"}

// checkPackage checks a package by its files that are not tests.
func checkPackage(dir string, files []*file) (bad []string) {
	name := files[0].ast.Name.Name
	if slices.Contains(vague, name) || slices.Contains(vague, path.Base(dir)) {
		bad = append(bad, fmt.Sprintf("%s: a package called %s could hold anything", dir, name))
	}
	var documented []string
	for _, f := range files {
		if f.ast.Doc == nil {
			continue
		}
		documented = append(documented, path.Base(f.name))
		if text := f.ast.Doc.Text(); !beginsRight(text, name, dir) {
			bad = append(bad, fmt.Sprintf("%s: package comment begins %q", f.name, strings.SplitN(text, "\n", 2)[0]))
		}
	}
	if !slices.Equal(documented, []string{"doc.go"}) && name != "main" || name == "main" && len(documented) != 1 {
		bad = append(bad, fmt.Sprintf("%s: package comments in %v, want one, in doc.go", dir, documented))
	}
	return bad
}

// beginsRight reports whether a package comment begins as go doc wants it.
func beginsRight(text, name, dir string) bool {
	if name == "main" {
		return strings.HasPrefix(text, "Command "+path.Base(dir)+" ")
	}
	return strings.HasPrefix(text, "Package "+name+" ")
}

func TestPackages(t *testing.T) {
	packages := map[string][]*file{}
	for _, f := range sources(t) {
		packages[f.dir()] = append(packages[f.dir()], f)
	}
	if len(packages) < 5 {
		t.Fatalf("only %d packages found", len(packages))
	}
	for dir, files := range packages {
		for _, bad := range checkPackage(dir, files) {
			t.Error(bad)
		}
	}
}

func TestPackageRulesFindPlantedFaults(t *testing.T) {
	for _, tt := range []struct {
		dir     string
		sources map[string]string
		want    int
	}{
		{"a", map[string]string{"doc.go": "// Package a is.\npackage a", "x.go": "package a"}, 0},
		{"a", map[string]string{"x.go": "package a"}, 1},
		{"a", map[string]string{"x.go": "// Package a is.\npackage a"}, 1},
		{"a", map[string]string{"doc.go": "// Package a is.\npackage a", "x.go": "// Package a too.\npackage a"}, 1},
		{"a", map[string]string{"doc.go": "// What this is.\npackage a"}, 1},
		{"util", map[string]string{"doc.go": "// Package util is.\npackage util"}, 1},
		{"cmd/x", map[string]string{"main.go": "// Command x does.\npackage main"}, 0},
		{"cmd/x", map[string]string{"main.go": "// Package main does.\npackage main"}, 1},
		{"cmd/x", map[string]string{"main.go": "package main"}, 1},
	} {
		var files []*file
		for _, name := range slices.Sorted(maps.Keys(tt.sources)) {
			files = append(files, parse(t, tt.dir+"/"+name, tt.sources[name]))
		}
		if got := checkPackage(tt.dir, files); len(got) != tt.want {
			t.Errorf("%v: %d complaints, want %d: %q", tt.sources, len(got), tt.want, got)
		}
	}
}
