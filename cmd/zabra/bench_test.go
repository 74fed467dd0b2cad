package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/bench"
	"github.com/zabra/zabra/internal/bench/floor"
)

func startFloor(t *testing.T) string {
	t.Helper()
	s, err := floor.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Addr()
}

func TestBench(t *testing.T) {
	addr := startFloor(t)
	stdout, stderr, code := zabra(t, "bench", "read", "set", "--server", addr, "-c", "2", "-n", "100", "--keys", "5")
	if code != exitOK || !strings.Contains(stdout, "read") || !strings.Contains(stdout, "set") || stderr != "" {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestBenchJSON(t *testing.T) {
	addr := startFloor(t)
	stdout, stderr, code := zabra(t, "bench", "mixed", "--server", addr, "-c", "2", "-n", "100", "--keys", "5", "--json", "--progress")
	var results []bench.Result
	if err := json.Unmarshal([]byte(stdout), &results); err != nil || len(results) != 1 || results[0].Ops != 100 || code != exitOK {
		t.Errorf("%v, code %d\n%s\n%s", err, code, stdout, stderr)
	}
}

func TestBenchCompare(t *testing.T) {
	a, b := startFloor(t), startFloor(t)
	stdout, stderr, code := zabra(t, "bench", "set", "--server", a, "--compare", b, "-c", "2", "-n", "100", "--keys", "5", "--rounds", "2")
	if code != exitOK || !strings.Contains(stdout, "A: "+a+"   B: "+b) || !strings.Contains(stdout, "ops/s") {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestBenchLoadCleanWait(t *testing.T) {
	addr := startFloor(t)
	for _, args := range [][]string{
		{"wait", addr},
		{"load", "1500", "--size", "10", "--server", addr},
		{"clean", "--server", addr},
	} {
		stdout, stderr, code := zabra(t, append([]string{"bench"}, args...)...)
		if code != exitOK || stdout == "" {
			t.Errorf("bench %v: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}

func TestBenchUsage(t *testing.T) {
	for _, tc := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{[]string{"bench"}, exitUsage, "requires at least 1 arg"},
		{[]string{"bench", "bake"}, exitUsage, `"bake"`},
		{[]string{"bench", "read", "-c", "0"}, exitUsage, "--connections 0"},
		{[]string{"bench", "read", "--server", ","}, exitUsage, "--server"},
		{[]string{"bench", "read", "--compare", "17"}, exitUsage, "names no server"},
		{[]string{"bench", "load", "many"}, exitUsage, `"many"`},
		{[]string{"bench", "read", "--server", "127.0.0.1:1"}, exitFailed, "127.0.0.1:1"},
	} {
		_, stderr, code := zabra(t, tc.args...)
		if code != tc.code || !strings.Contains(stderr, tc.stderr) {
			t.Errorf("zabra %v: code %d, stderr %q; want %d, %q", tc.args, code, stderr, tc.code, tc.stderr)
		}
	}
}

func TestBenchInterrupted(t *testing.T) {
	s, err := floor.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &waiter{text: "\rmeasure ", seen: make(chan struct{})}
	go func() {
		select {
		case <-stderr.seen:
			cancel()
		case <-ctx.Done():
		}
	}()
	var out bytes.Buffer
	args := []string{"bench", "set", "read", "--server", s.Addr(), "-c", "4", "--keys", "5", "--warm-up", "0s", "-d", "1h", "--progress"}
	code := run(ctx, args, environment{in: strings.NewReader(""), out: &out, err: stderr})
	stdout := out.String()
	if code != exitInterrupted || !strings.Contains(stdout, "set: interrupted") || strings.Contains(stdout, "read") {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
