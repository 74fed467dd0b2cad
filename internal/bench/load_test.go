package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/bench/floor"
)

func TestLoadAndClean(t *testing.T) {
	s := listen(t)
	o := small(s)
	root, res, err := Load(t.Context(), 2500, o)
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 1 + 3 + 2500; s.Nodes() != want || res.Ops != 2500 {
		t.Errorf("%d nodes, want %d; %+v", s.Nodes(), want, res)
	}
	roots, err := Roots(t.Context(), o)
	if err != nil || len(roots) != 1 || roots[0] != root {
		t.Errorf("roots %v, %v; want %s", roots, err, root)
	}
	for _, foreign := range []string{"/", "/zookeeper", root + "/c000001", "/zabra-bench-/x"} {
		if Clean(t.Context(), foreign, o) == nil {
			t.Errorf("%s would be removed", foreign)
		}
	}
	if err := Clean(t.Context(), root, o); err != nil {
		t.Fatal(err)
	}
	checkClean(t, s)
}

func TestWaitForAServerThatStartsLate(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	const late = 50 * time.Millisecond
	started := make(chan error, 1)
	go func() { // hangs up on the first try, and is there some time later
		nc, err := ln.Accept()
		if err != nil {
			started <- err
			return
		}
		nc.Close()
		ln.Close()
		time.Sleep(late)
		s, err := floor.Listen(addr)
		if err == nil {
			t.Cleanup(func() { s.Close() })
		}
		started <- err
	}()
	took, err := Wait(t.Context(), addr)
	if err != nil || took < late {
		t.Errorf("%v, %v", took, err)
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
}

func TestWaitGivesUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Wait(ctx, "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "no session at 127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

// Of a context's end and of the deadline that a socket has for it, either may come first.
func TestWaitGoesOnBehindATimeout(t *testing.T) {
	for _, err := range []error{context.DeadlineExceeded, os.ErrDeadlineExceeded} {
		if !passing(fmt.Errorf("connect: %w", &net.OpError{Op: "dial", Err: err})) {
			t.Errorf("%v ends the wait", err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		flag   string
		change func(*Options)
	}{
		{"--connections", func(o *Options) { o.Connections = 0 }},
		{"--outstanding", func(o *Options) { o.Outstanding = 1 << 20 }},
		{"--size", func(o *Options) { o.Size = -1 }},
		{"--keys", func(o *Options) { o.Keys = 0 }},
		{"--threads", func(o *Options) { o.Threads = 0 }},
		{"--read-ratio", func(o *Options) { o.ReadRatio = 1.5 }},
		{"--rate", func(o *Options) { o.Rate = -1 }},
		{"--ops", func(o *Options) { o.Ops = -1 }},
		{"--duration", func(o *Options) { o.Duration = 0 }},
		{"--warm-up", func(o *Options) { o.WarmUp = -1 }},
		{"--session-timeout", func(o *Options) { o.Timeout = 0 }},
		{"--multi-ops", func(o *Options) { o.MultiOps, o.Size = 100, 100_000 }},
	} {
		o := Defaults()
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		tc.change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tc.flag) {
			t.Errorf("%s: %v", tc.flag, err)
		}
	}
}

func TestParseServers(t *testing.T) {
	got, err := ParseServers("a, b:1,[::1]")
	if want := "a:2181 b:1 [::1]:2181"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %v, %v; want %s", got, err, want)
	}
	for _, bad := range []string{"", "a,", "a:1/chroot"} {
		if _, err := ParseServers(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
