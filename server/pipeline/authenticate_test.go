package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/wire"
)

func digest(id string) call {
	return call{-4, wire.OpAuth, &wire.AuthRequest{Scheme: "digest", Auth: []byte(id)}}
}

func saslToken(s string) call { return call{7, wire.OpSASL, &wire.SASLRequest{Token: []byte(s)}} }

// tell hands over requests and returns what is sent, whether or not the connection
// ends.
func (p *peer) tell(calls ...call) []frameSeen {
	p.rig.t.Helper()
	_, _, err := p.c.Handle(encode(calls...), p.rig.core.Now())
	if err != nil && !errors.Is(err, ErrClosing) {
		p.rig.t.Fatal(err)
	}
	p.c.Flush(true)
	return p.take()
}

// Where a scheme is enforced nothing else is served before it, and the first
// attempt ends the connection.
func TestEnforcedAuthentication(t *testing.T) {
	for name, first := range map[string]call{
		"ping":         {wire.XidPing, wire.OpPing, nil},
		"read":         {1, wire.OpGetData, get("/", false)},
		"write":        {1, wire.OpCreate, create("/a")},
		"closeSession": {1, wire.OpCloseSession, nil},
		"unknown":      {1, 55, nil},
		"other scheme": {1, wire.OpGetData, get("/", false)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newGuardedRig(t, auth.Config{EnforceSchemes: []string{"digest"}}, Options{})
				defer r.close()
				p, good := r.connect(10_000), r.connect(10_000)
				if name == "other scheme" {
					p.send(call{-4, wire.OpAuth, &wire.AuthRequest{Scheme: "ip"}})
					p.take()
				}
				got := p.tell(first, call{2, wire.OpGetData, get("/", false)})
				want := wire.ReplyHeader{Xid: first.xid, Err: wire.SASLAuthRequired}
				if len(got) != 1 || got[0].h != want || !p.sock.finished {
					t.Errorf("got %+v, finished %v", got, p.sock.finished)
				}
				if got := good.tell(digest("me:secret"), first); len(got) != 2 || got[1].h.Err == wire.SASLAuthRequired {
					t.Errorf("behind authentication: %+v", got)
				}
			})
		})
	}
}

// A client may collect identities, but not without end.
func TestAuthFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		accepted := 0
		for i := range 3 * auth.MaxIDs {
			got := p.tell(digest(fmt.Sprintf("user%d:x", i)))
			if len(got) != 1 || got[0].h.Zxid != 0 {
				t.Fatalf("attempt %d: %+v", i, got)
			}
			if got[0].h.Err != wire.OK {
				if got[0].h.Err != wire.AuthFailed || !p.sock.finished {
					t.Errorf("refused with %v, finished %v", got[0].h.Err, p.sock.finished)
				}
				break
			}
			accepted++
		}
		if accepted != auth.MaxIDs-1 { // the address is one
			t.Errorf("%d identities were accepted", accepted)
		}
		same := r.connect(10_000)
		for range 3 * auth.MaxIDs {
			if got := same.tell(digest("me:secret")); got[0].h.Err != wire.OK {
				t.Fatal("the same identity again is refused")
			}
		}
		if n := len(same.c.IDs()); n != 2 {
			t.Errorf("%d identities", n)
		}
	})
}

// A scriptedSASL wants "one" and then "two"; anything else fails.
type scriptedSASL struct{ step int }

func (s *scriptedSASL) Step(token []byte) ([]byte, error) {
	want := []string{"one", "two"}
	if s.step == len(want) || string(token) != want[s.step] {
		return nil, errors.New("denied")
	}
	s.step++
	return []byte("challenge"), nil
}

func (s *scriptedSASL) Done() bool              { return s.step == 2 }
func (s *scriptedSASL) AuthorizationID() string { return "me" }

func TestSASL(t *testing.T) {
	type attempt struct {
		tokens []string
		codes  []wire.Code
		ids    int
		closes bool
	}
	for name, a := range map[string]attempt{
		"right":               {[]string{"one", "two"}, []wire.Code{0, 0}, 2, false},
		"wrong first":         {[]string{"two"}, []wire.Code{wire.AuthFailed}, 1, true},
		"wrong second":        {[]string{"one", "one"}, []wire.Code{0, wire.AuthFailed}, 1, true},
		"empty":               {[]string{""}, []wire.Code{wire.AuthFailed}, 1, true},
		"again after success": {[]string{"one", "two", "one", "two"}, []wire.Code{0, 0, 0, 0}, 2, false},
		"more after success":  {[]string{"one", "two", "two"}, []wire.Code{0, 0, wire.AuthFailed}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newGuardedRig(t, auth.Config{SASL: true}, Options{NewSASL: func() SASL { return &scriptedSASL{} }})
				defer r.close()
				p := r.connect(10_000)
				var calls []call
				for _, s := range a.tokens {
					calls = append(calls, saslToken(s))
				}
				got := p.tell(calls...)
				var codes []wire.Code
				for _, f := range got {
					if f.h.Xid != 7 || f.h.Zxid != 0 {
						t.Errorf("answered %+v", f.h)
					}
					codes = append(codes, f.h.Err)
				}
				if !slices.Equal(codes, a.codes) || len(p.c.IDs()) != a.ids || p.sock.finished != a.closes {
					t.Errorf("codes %v, %d identities, closed %v; want %+v", codes, len(p.c.IDs()), p.sock.finished, a)
				}
			})
		})
	}
}

// An exchange that is never ended keeps nothing after the connection.
func TestSASLIsAnsweredInTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newGuardedRig(t, auth.Config{SASL: true}, Options{NewSASL: func() SASL { return &scriptedSASL{} }})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		p.send(call{1, wire.OpCreate, create("/a")}, saslToken("one"), digest("me:secret"), call{2, wire.OpGetData, get("/a", false)})
		if got := p.take(); len(got) != 0 {
			t.Errorf("answered %v before the write", xids(got))
		}
		close(r.log.hold)
		if got := xids(p.take()); !slices.Equal(got, []wire.Xid{1, 7, -4, 2}) {
			t.Errorf("answered %v", got)
		}
		p.c.Gone()
		r.leftovers(t, 1)
	})
}

func TestSASLWithoutSASL(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		got := p.tell(saslToken("x"))
		if len(got) != 1 || got[0].h.Err != wire.OK || !slices.Equal(got[0].body, []byte{0xff, 0xff, 0xff, 0xff}) {
			t.Errorf("got %+v", got)
		}
	})
}

// Failed attempts are told of once a second, with how many there were, and without
// what was tried.
func TestFailedAuthenticationIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newGuardedRig(t, auth.Config{}, Options{})
		defer r.close()
		var lines []string
		r.core.events.AuthFailed = func(addr, scheme string, more int64) {
			lines = append(lines, fmt.Sprintf("%s %s +%d", addr, scheme, more))
		}
		attempt := func(scheme string) {
			p := r.connect(10_000)
			p.tell(call{-4, wire.OpAuth, &wire.AuthRequest{Scheme: scheme, Auth: []byte("secret")}})
		}
		for range 100 {
			attempt("nonsense")
		}
		time.Sleep(time.Second)
		attempt(strings.Repeat("long", 1000))
		time.Sleep(time.Second)
		want := []string{"test nonsense +0", "test " + strings.Repeat("long", 8) + " +99"}
		if !slices.Equal(lines, want) {
			t.Errorf("told %q, want %q", lines, want)
		}
	})
}
