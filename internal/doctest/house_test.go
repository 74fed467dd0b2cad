package doctest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folders are those that hold Go packages: at the top, and one below server and
// internal.
func folders(t *testing.T) []string {
	t.Helper()
	set := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if filepath.Ext(rel) == ".go" {
			set[place(filepath.ToSlash(filepath.Dir(rel)))] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for dir := range set {
		list = append(list, dir)
	}
	slices.Sort(list)
	return list
}

// place is the folder of the house that a package belongs to.
func place(dir string) string {
	parts := strings.Split(dir, "/")
	switch parts[0] {
	case "server", "internal", "cmd":
		return strings.Join(parts[:min(2, len(parts))], "/")
	}
	return parts[0]
}

func TestEveryFolderHasItsPlaceInTheHouse(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range folders(t) {
		if !strings.Contains(string(text), "[`"+dir+"`](../"+dir+")") {
			t.Errorf("docs/architecture.md: %s is missing in the table of the house", dir)
		}
	}
}

func TestPlace(t *testing.T) {
	for dir, want := range map[string]string{
		"wire": "wire", "wire/internal/gen": "wire", "server": "server", "server/conn": "server/conn",
		"internal/vfs/memfs": "internal/vfs", "cmd/zabra": "cmd/zabra", "interop/raw": "interop",
	} {
		if got := place(dir); got != want {
			t.Errorf("%s: got %s, want %s", dir, got, want)
		}
	}
}
