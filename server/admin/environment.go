package admin

import (
	"bytes"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"
)

// unknown stands where ZooKeeper has no value.
const unknown = "<NA>"

// A setting is a line of envi or sysp.
type setting struct{ key, value string }

// environment lists what envi does. Nothing runs on a JVM here, so its keys are
// there, as readers expect, and unknown. memory is what the process may take, in
// bytes, or 0.
func environment(version string, memory uint64) []setting {
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
		{"os.memory.max", orUnknown(megabytes(memory), nil)},
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

// megabytes is n as Java has it, empty for 0.
func megabytes(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%dMB", n>>20)
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
