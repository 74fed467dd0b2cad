//go:build unix

package server

import (
	"math"
	"syscall"
)

// descriptorLimit is how many descriptors the process may have open.
func descriptorLimit() uint64 {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return math.MaxUint64
	}
	return uint64(r.Cur)
}
