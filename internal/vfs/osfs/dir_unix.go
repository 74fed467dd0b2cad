//go:build unix

package osfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/zabra/zabra/internal/vfs"
)

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return vfs.ErrLocked
	}
	return err
}
