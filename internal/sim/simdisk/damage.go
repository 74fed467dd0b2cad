package simdisk

import (
	"path/filepath"

	"github.com/zabra/zabra/internal/vfs"
)

// Flip changes one bit in a file of a directory, of a disk that has crashed or not
// started. want says which files may be harmed. It returns the name of the file, ""
// if there was none with content.
func (d *Disk) Flip(dir string, want func(name string) bool) string {
	fs := d.fs
	if d.next != nil {
		fs = d.next
	}
	names, err := fs.List(dir)
	if err != nil {
		return ""
	}
	var files []string
	for _, name := range names {
		if info, err := fs.Stat(filepath.Join(dir, name)); err == nil && !info.Dir && info.Size > 0 && want(name) {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return ""
	}
	name := files[d.rng.IntN(len(files))]
	if d.flip(fs, filepath.Join(dir, name)) != nil {
		return ""
	}
	d.Stats.Flips++
	return name
}

func (d *Disk) flip(fsys vfs.FS, path string) error {
	f, err := fsys.OpenReadWrite(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // in memory
	size, err := f.Size()
	if err != nil {
		return err
	}
	var b [1]byte
	at := d.rng.Int64N(size)
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= 1 << d.rng.IntN(8)
	if _, err := f.WriteAt(b[:], at); err != nil {
		return err
	}
	return f.Sync()
}
