package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/status"
	"github.com/zabra/zabra/internal/testserver"
)

func TestStatus(t *testing.T) {
	s := testserver.Start(t)
	out, errs, code := zabra(t, "status", "--timeout", "30s", "--server", s.Addr())
	if code != exitOK || errs != "" || !strings.Contains(out, "standalone") || !strings.HasSuffix(out, "\nok: the server serves\n") || strings.Contains(out, "\x1b") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	out, _, code = zabra(t, "status", "--timeout", "30s", "--server", s.Addr(), "--json")
	var r status.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitOK || r.Verdict != status.OK || r.Servers[0].Address != s.Addr() {
		t.Errorf("%d %q %v", code, out, err)
	}
	out, _, code = zabra(t, "status", "--timeout", "6s", "--server", s.Addr()+",127.0.0.1:1")
	if code != exitFailed || !strings.Contains(out, "127.0.0.1:1 does not answer") {
		t.Errorf("%d %q", code, out)
	}
	s.Stop()
	out, errs, code = zabra(t, "status", "--server", s.Addr())
	if code != exitDown || errs != "" || !strings.Contains(out, "no answer") || !strings.HasSuffix(out, "\ndown: 0 of 1 servers serve\n") {
		t.Errorf("%d %q %q", code, out, errs)
	}
}

// A stopper ends what writes to it for the third time.
type stopper struct {
	all  bytes.Buffer
	n    int
	stop context.CancelFunc
}

func (s *stopper) Write(b []byte) (int, error) {
	if s.n++; s.n == 3 {
		s.stop()
	}
	return s.all.Write(b)
}

func TestStatusAgainAndAgain(t *testing.T) {
	s := testserver.Start(t)
	for _, form := range []string{"--json=true", "--json=false"} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &stopper{stop: cancel}
		code := run(ctx, []string{"status", "--timeout", "30s", "--server", s.Addr(), "--watch=1ms", form}, environment{out: out, err: out})
		if n := strings.Count(out.all.String(), "standalone"); code != exitInterrupted || n != 3 {
			t.Errorf("%s: %d %q", form, code, out.all.String())
		}
	}
}

func TestStatusUsage(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"--server", ""}, {"--server", "a:1/chroot"}, {"--auth", "x"}, {"--admin-port", "70000"}, {"--watch=-1s"}, {"--max-lag", "-1s"}, {"--timeout", "-1s"}} {
		if _, errs, code := zabra(t, append([]string{"status"}, args...)...); code != exitUsage {
			t.Errorf("%v: %d %q", args, code, errs)
		}
	}
}
