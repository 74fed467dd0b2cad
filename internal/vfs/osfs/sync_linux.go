package osfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync leaves out what fsync adds: the times of the inode, which would
// cost a commit of the file system's journal.
func fdatasync(f *os.File) error {
	fd := int(f.Fd())
	for {
		// EINTR says nothing about the disk: the call was cut short by a signal
		// before it did anything.
		if err := unix.Fdatasync(fd); err != unix.EINTR {
			return err
		}
	}
}

func preallocate(f *os.File, size int64) error {
	if size <= 0 {
		return nil
	}
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == unix.EINTR:
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return extend(f, size)
		}
		return err
	}
}
