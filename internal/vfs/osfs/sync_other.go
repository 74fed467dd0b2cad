//go:build !linux

package osfs

import "os"

// fdatasync is fsync where there is no such call; on Darwin Go's Sync also
// flushes the cache of the device (F_FULLFSYNC).
func fdatasync(f *os.File) error { return f.Sync() }

func preallocate(f *os.File, size int64) error { return extend(f, size) }
