package admin

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/user"
	"runtime"
	"runtime/debug"
	"strings"
)

// unknown stands where ZooKeeper has no value.
const unknown = "<NA>"

// A setting is a line of envi or sysp.
type setting struct{ key, value string }

// environment lists what envi does. Nothing runs on a JVM here, so its keys are
// there, as readers expect, and unknown.
func environment(version string) []setting {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	held := mem.HeapSys - mem.HeapReleased
	return []setting{
		{"zookeeper.version", version},
		{"host.name", orUnknown(os.Hostname())},
		{"java.version", unknown},
		{"java.vendor", unknown},
		{"java.home", unknown},
		{"java.class.path", unknown},
		{"java.library.path", unknown},
		{"java.io.tmpdir", os.TempDir()},
		{"java.compiler", unknown},
		{"os.name", osName()},
		{"os.arch", runtime.GOARCH},
		{"os.version", osVersion()},
		{"user.name", userName()},
		{"user.home", orUnknown(os.UserHomeDir())},
		{"user.dir", orUnknown(os.Getwd())},
		{"os.memory.free", megabytes(held - mem.HeapAlloc)},
		{"os.memory.max", megabytes(memoryLimit())},
		{"os.memory.total", megabytes(held)},
		{"go.version", runtime.Version()},
	}
}

func orUnknown(s string, err error) string {
	if err != nil || s == "" {
		return unknown
	}
	return s
}

func megabytes(n uint64) string { return fmt.Sprintf("%dMB", n>>20) }

// memoryLimit is GOMEMLIMIT in bytes, the largest number without one.
func memoryLimit() uint64 {
	if n := debug.SetMemoryLimit(-1); n > 0 {
		return uint64(n)
	}
	return math.MaxInt64
}

// osName is the system's name as Java has it.
func osName() string {
	switch runtime.GOOS {
	case "linux":
		return "Linux"
	case "darwin":
		return "Mac OS X"
	case "windows":
		return "Windows"
	}
	return runtime.GOOS
}

func osVersion() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	return orUnknown(string(bytes.TrimSpace(b)), err)
}

func userName() string {
	u, err := user.Current()
	if err != nil {
		return unknown
	}
	return strings.TrimSpace(u.Username)
}
