package vfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
)

// What an operator keeps from others stays so, and what they let others read too.
func TestReplaceFileKeepsTheMode(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o644, 0o660} {
		name := filepath.Join(t.TempDir(), "zoo.cfg")
		if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil { // the umask does not matter
			t.Fatal(err)
		}
		if err := vfs.ReplaceFile(osfs.FS{}, name, []byte("new")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(name); string(text) != "new" || err != nil || info.Mode() != mode {
			t.Errorf("%v became %v, %q, %v", mode, info.Mode(), text, err)
		}
	}
}

func TestReplaceFileThatIsNotThere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "zoo.cfg")
	if err := vfs.ReplaceFile(osfs.FS{}, name, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(name); string(text) != "new" {
		t.Errorf("%q, %v", text, err)
	}
}
