package osfs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"github.com/zabra/zabra/internal/vfs"
)

// Windows has no call that flushes a directory; NTFS journals its names.
func syncDir(string) error { return nil }

func lock(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return vfs.ErrLocked
	}
	return err
}
