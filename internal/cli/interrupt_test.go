package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/zabra/zabra/client"
)

// A reading is a service that knows the context in which it was asked for children last.
type reading struct {
	gate
	mu  sync.Mutex
	ctx context.Context
}

func (s *reading) Children(ctx context.Context, path string) ([]string, client.Stat, error) {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	return s.Service.Children(ctx, path)
}

// canceled waits until that context ends.
func (s *reading) canceled() {
	s.mu.Lock()
	ctx := s.ctx
	s.mu.Unlock()
	<-ctx.Done()
}

// What a terminal sends for Ctrl-C ends a copy between two transactions, and not the shell.
func TestInterruptEndsTheCommand(t *testing.T) {
	for _, tc := range []struct{ line, what string }{{"cp /a /b", "copied"}, {"mv /a /b", "copied to /b, none is deleted of /a"}} {
		r, interrupt := newRig(t, nil), make(chan os.Signal)
		r.plant("/a", 3000)
		svc := &reading{gate: gate{Service: r.svc}}
		svc.before = func(n int) {
			if n == 4 {
				interrupt <- os.Interrupt
				svc.canceled()
			}
		}
		r.svc = svc
		r.out.Reset()
		if err := r.Interactive(t.Context(), Script(strings.NewReader(tc.line+"\nls /\n")), interrupt); err != nil {
			t.Error(err)
		}
		var n int
		_, err := fmt.Sscanf(r.out.String(), "interrupted\n%d nodes are", &n)
		if want := fmt.Sprintf("interrupted\n%d nodes are %s, the rest is not\n[a, b, zookeeper]\n", n, tc.what); err != nil || r.out.String() != want {
			t.Errorf("%s: %q, want %q", tc.line, r.out, want)
		}
		if got := len(r.names("/b")) + 1; got != n || n > 1000 {
			t.Errorf("%s: %d nodes are there of %d", tc.line, got, n)
		}
	}
}
