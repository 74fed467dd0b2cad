package metrics

import (
	"math"
	"os"
	"syscall"
)

// openFileDescriptors counts the process's descriptors, -1 where /proc is not
// readable.
func openFileDescriptors() int64 {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return -1
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return -1
	}
	return int64(len(names)) - 1 // without the one this function opened
}

// maxFileDescriptors is the soft limit, -1 if the system does not tell.
func maxFileDescriptors() int64 {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return -1
	}
	return int64(min(lim.Cur, math.MaxInt64))
}
