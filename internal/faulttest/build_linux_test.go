package faulttest

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// binaries are built once, the faulty one when it is needed.
var binaries struct {
	dir, zabra string
	once       sync.Once
	err        error
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withBinaries(m.Run))
}

func withBinaries(run func() int) int {
	dir, err := os.MkdirTemp("", "zabra-faulttest-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		binaries.dir, binaries.zabra = dir, *binaryFlag
		if binaries.zabra == "" {
			binaries.zabra = filepath.Join(dir, "zabra")
			err = build(binaries.zabra, "../../cmd/zabra")
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

// binaryFlag is for a run of these tests by one of them.
var binaryFlag = flag.String("zabra", "", "the binary of the servers; one is built if there is none")

func build(to, pkg string, flags ...string) error {
	args := append([]string{"build", "-o", to}, flags...)
	if out, err := exec.Command("go", append(args, pkg)...).CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// faulty returns the binary whose clock and disk can be broken. It is built with another
// package time, and so all of it is built anew: that takes a minute, once.
func faulty(t testing.TB) string {
	t.Helper()
	to := filepath.Join(binaries.dir, "faulty")
	binaries.once.Do(func() {
		var overlay string
		if overlay, binaries.err = shiftedTime(); binaries.err == nil {
			binaries.err = build(to, "./faulty", "-tags", "plant", "-overlay", overlay)
		}
	})
	if binaries.err != nil {
		t.Fatal(binaries.err)
	}
	return to
}

const (
	// What package time does when it is asked for the time.
	askClock = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec), sec + unixToInternal, Local}\n"

	shift = `package time

import "internal/runtime/atomic"

var wallShift atomic.Int64 // seconds

// ShiftWall lets the time of day that Now tells differ from that of the machine, but
// not the monotonic clock.
func ShiftWall(d Duration) { wallShift.Store(int64(d / Second)) }
`
	shiftWall = `package main

import "time"

func shiftWall(d time.Duration) { time.ShiftWall(d) }
`
)

// shiftedTime writes an overlay for the build in which the time of day can be shifted for
// one process. (A time namespace shifts the other clocks only.)
func shiftedTime() (file string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(dir, "time.go"))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), askClock); n != 1 {
		return "", fmt.Errorf("the time package of %s asks for the time in %d places that are known here, want 1", runtime.Version(), n)
	}
	replace := map[string]string{}
	add := func(name, target, text string) {
		own := filepath.Join(binaries.dir, name)
		replace[target] = own
		if e := os.WriteFile(own, []byte(text), 0o600); e != nil {
			err = e
		}
	}
	add("time.go", filepath.Join(dir, "time.go"), strings.Replace(string(source), askClock, strings.Replace(askClock, "\n", "\n\tsec += wallShift.Load()\n", 1), 1))
	add("shift.go", filepath.Join(dir, "shift_for_tests.go"), shift)
	here, e := filepath.Abs("faulty/clock.go")
	if e != nil {
		return "", e
	}
	add("clock.go", here, shiftWall)
	b, e := json.Marshal(map[string]any{"Replace": replace})
	if e != nil {
		return "", e
	}
	file = filepath.Join(binaries.dir, "overlay.json")
	if e := os.WriteFile(file, b, 0o600); e != nil {
		err = e
	}
	return file, err
}
