package server

import "testing"

func TestMostConnections(t *testing.T) {
	for _, tc := range []struct {
		configured, ports int
		descriptors       uint64
		want              int
	}{
		{0, 1, 1 << 40, 0},       // no limit known
		{100, 1, 1 << 40, 100},   // as configured
		{0, 1, 1024, 1024 - 256}, // what the server itself needs is kept
		{0, 2, 1024, (1024 - 256) / 2},
		{100, 1, 1024, 100},
		{2000, 1, 1024, 1024 - 256},
		{0, 1, 128, 64}, // of few, half
		{0, 1, 1, 1},
		{0, 1, 0, 1},
	} {
		if got := mostConnections(tc.configured, tc.ports, tc.descriptors); got != tc.want {
			t.Errorf("configured %d, %d ports, %d descriptors: %d connections, want %d", tc.configured, tc.ports, tc.descriptors, got, tc.want)
		}
	}
}
