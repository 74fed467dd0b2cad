package server

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// groupLimits say how much a group of processes (a container) may have, in the two
// versions of cgroups. A group without a limit says "max" or a huge number.
var groupLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

func systemMemory() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	least := uint64(info.Totalram) * uint64(info.Unit)
	for _, name := range groupLimits {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64); err == nil && n > 0 {
			least = min(least, n)
		}
	}
	return least
}
