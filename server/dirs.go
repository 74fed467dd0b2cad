package server

import (
	"io/fs"
	"path/filepath"
)

// dirSize is the bytes of the files below dir. What vanishes while it counts is
// not counted.
func dirSize(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
