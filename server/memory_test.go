package server

import (
	"runtime/debug"
	"testing"
)

func TestMostUnsent(t *testing.T) {
	for _, c := range []struct {
		total, each int64
		memory      uint64
		want        int64
	}{
		{5 << 20, 16 << 20, 1 << 40, 5 << 20},
		{0, 16 << 20, 32 << 30, 4 << 30},
		{0, 16 << 20, 0, 256 << 20},
		{0, 16 << 20, 100 << 20, 64 << 20},
		{0, 1 << 30, 1 << 30, 1 << 30},
	} {
		if got := mostUnsent(c.total, c.each, c.memory); got != c.want {
			t.Errorf("mostUnsent(%d, %d, %d) = %d, want %d", c.total, c.each, c.memory, got, c.want)
		}
	}
}

func TestMemoryHeedsGOMEMLIMIT(t *testing.T) {
	system := memory()
	if system == 0 {
		t.Log("this system does not tell its memory")
	} else if system < 16<<20 || system > 1<<50 {
		t.Errorf("the machine has %d bytes of memory", system)
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(3 << 30))
	if got := memory(); got != 3<<30 {
		t.Errorf("with GOMEMLIMIT=3GiB: %d", got)
	}
}
