package bench

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestParseUsage(t *testing.T) {
	stat := []byte("42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 1 0 100 1 2\n")
	status := []byte("Name:\ta\nVmPeak:\t9999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
	u, err := parseUsage(stat, status)
	want := Usage{User: 1500 * time.Millisecond, System: 250 * time.Millisecond, Resident: 1 << 20, Peak: 2 << 20}
	if err != nil || u != want {
		t.Errorf("got %+v, %v; want %+v", u, err, want)
	}
	for _, bad := range []string{"", "42 (a S", "42 (a) S 1 2", "42 (a) S 1 2 3 4 5 6 7 8 9 10 x 25 0"} {
		if _, err := parseUsage([]byte(bad), nil); err == nil {
			t.Errorf("stat %q is accepted", bad)
		}
	}
}

func TestReadUsageOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	u, err := ReadUsage(os.Getpid())
	if err != nil || u.Resident < 1<<20 || u.Peak < u.Resident {
		t.Errorf("got %+v, %v", u, err)
	}
	if _, err := ReadUsage(1 << 30); err == nil {
		t.Error("a process that is not there has a usage")
	}
}
