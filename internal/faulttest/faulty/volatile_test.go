package main

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
)

// What is read is what was written, synced or not; another process reads what was synced.
func TestVolatile(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	v := newVolatile(osfs.FS{})
	name := filepath.Join(t.TempDir(), "file")
	f, err := v.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := v.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	var written, synced []byte
	for range 2000 {
		switch off := rng.IntN(200); rng.IntN(8) {
		case 0:
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			synced = bytes.Clone(written)
		case 1: // the size is durable at once
			if err := f.Truncate(int64(off)); err != nil {
				t.Fatal(err)
			}
			written, synced = resized(written, off), resized(synced, off)
		default:
			b := bytes.Repeat([]byte{byte(rng.IntN(256))}, 1+rng.IntN(50))
			if _, err := f.WriteAt(b, int64(off)); err != nil {
				t.Fatal(err)
			}
			written = resized(written, max(len(written), off+len(b)))
			copy(written[off:], b)
		}
		if got := content(t, reader); !bytes.Equal(got, written) {
			t.Fatalf("read %v, want %v", got, written)
		}
		durable, err := osfs.FS{}.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, durable); !bytes.Equal(got, synced) {
			t.Fatalf("durable is %v, want %v", got, synced)
		}
		durable.Close()
	}
}

func resized(b []byte, n int) []byte {
	return append(bytes.Clone(b[:min(n, len(b))]), make([]byte, max(n-len(b), 0))...)
}

func content(t *testing.T, f vfs.File) []byte {
	t.Helper()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); int64(n) != size {
		t.Fatalf("read %d of %d bytes: %v", n, size, err)
	}
	return b
}
