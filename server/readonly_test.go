package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

const withReadOnly = "readonlymode.enabled=true"

// loseQuorum halts all servers but one, and waits until that one says it is read-only.
func loseQuorum(t *testing.T, sites []*site, but *site) {
	t.Helper()
	for _, s := range sites {
		if s != but {
			s.halt()
		}
	}
	but.eventually("a read-only server", func() bool { return but.word(t, "isro") == "ro" })
}

// Who asked for no more than reads is served by a server that has lost its quorum;
// everybody else is sent away.
func TestReadOnlyServer(t *testing.T) {
	sites := startEnsemble(t, 3, withReadOnly)
	leader, _, others := lead(t, sites)
	owner := leader.client()
	owner.create("/e", "x", wire.ModeEphemeral)
	owner.create("/n", "y", wire.ModePersistent)
	alone := others[0]
	if got, err := alone.client().read("/n"); err != nil || got != "y" {
		t.Fatalf("before: %q, %v", got, err)
	}
	loseQuorum(t, sites, alone)
	before := alone.zxid(t)
	for word, want := range map[string][]string{
		"srvr": {"READ-ONLY mode; serving only read-only clients\n", "Mode: read-only\n"},
		"stat": {"READ-ONLY mode; serving only read-only clients\n", "Mode: read-only\n"},
		"mntr": {"zk_server_state\tread-only\n"},
		"dump": {"Local Session Sets (0)/(0):\n", "Global Sessions(2):\n"},
	} {
		for _, line := range want {
			if got := alone.word(t, word); !strings.Contains(got, line) {
				t.Errorf("%s lacks %q:\n%s", word, line, got)
			}
		}
	}
	if got := alone.command(t, "is_read_only"); got["read_only"] != true {
		t.Errorf("is_read_only: %v", got)
	}

	if c, err := alone.open(rawclient.Options{}); err == nil {
		t.Errorf("a client that wants to write got session %v", c.Session)
	}
	c, err := alone.open(rawclient.Options{ReadOnly: true})
	if err != nil || !c.ReadOnly {
		t.Fatalf("a read-only client: %+v, %v", c, err)
	}
	defer c.Abandon()
	for path, want := range map[string]string{"/n": "y", "/e": "x"} {
		if got, _, ok := c.get(path); !ok || got != want {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
	c.do(wire.NotReadOnly, wire.OpCreate, &wire.CreateRequest{Path: "/new", ACL: anyone}, nil)
	c.do(wire.NotReadOnly, wire.OpCreate, &wire.CreateRequest{Path: "/new", ACL: anyone, Flags: int32(wire.ModeEphemeral)}, nil)
	c.do(wire.NotReadOnly, wire.OpSetData, &wire.SetDataRequest{Path: "/n", Version: -1}, nil)
	c.do(wire.NotReadOnly, wire.OpSetData, rawRecord("garbage"), nil)
	c.do(wire.NotReadOnly, wire.OpDelete, &wire.PathVersionRequest{Path: "/n", Version: -1}, nil)
	c.do(wire.NotReadOnly, wire.OpSync, &wire.PathRequest{Path: "/n"}, nil)
	c.do(wire.NotReadOnly, wire.OpMulti, rawRecord(wire.AppendMulti(nil, nil)), nil)
	c.do(wire.OK, wire.OpExists, &wire.PathWatchRequest{Path: "/n", Watch: true}, nil)
	if l, g := alone.sessionsOf(t); l != "1" || g != "2" {
		t.Errorf("%s local and %s global sessions", l, g)
	}
	again, err := alone.open(rawclient.Options{ReadOnly: true, Session: c.Session, Passwd: c.Passwd})
	if err != nil || again.Session != c.Session {
		t.Fatalf("resumed: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for what, o := range map[string]rawclient.Options{
		"of a session of the ensemble":              {ReadOnly: true, Session: owner.Session, Passwd: owner.Passwd},
		"of a session of the ensemble and no right": {ReadOnly: true, Session: owner.Session},
		"ahead": {ReadOnly: true, LastZxidSeen: 1 << 60},
	} {
		if got, err := alone.open(o); err == nil || strings.Contains(err.Error(), rawclient.ErrRefused.Error()) {
			t.Errorf("%s: session %v, %v; want a closed connection", what, got, err)
		}
	}
	if _, err := alone.open(rawclient.Options{ReadOnly: true, Session: c.Session, Passwd: c.Passwd}); err != rawclient.ErrRefused {
		t.Errorf("a session that was closed: %v", err)
	}
	if after := alone.zxid(t); after != before {
		t.Errorf("the read-only server has gone from %s to %s", before, after)
	}

	last, err := alone.open(rawclient.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sites {
		if s != alone {
			s.launch()
		}
	}
	if _, _, err := last.Recv(); err == nil {
		t.Error("something came")
	}
	for _, s := range sites {
		s.eventually("the server to serve again", s.serves)
	}
	if got := alone.word(t, "isro"); got != "rw" {
		t.Errorf("isro: %q", got)
	}
	if w, err := alone.open(rawclient.Options{ReadOnly: true}); err != nil || w.ReadOnly {
		t.Errorf("a read-only client of a server that has a quorum: %v", err)
	} else {
		w.create("/after", "z", wire.ModePersistent)
		agree(t, sites, "/after", "z")
	}
	for _, line := range []string{"serving read-only clients", "read-only clients are served no longer"} {
		if !strings.Contains(alone.log.String(), line) {
			t.Errorf("the log does not say %q", line)
		}
	}
}

// Sessions of a read-only server expire there.
func TestReadOnlySessionExpires(t *testing.T) {
	sites := startEnsemble(t, 3, withReadOnly)
	loseQuorum(t, sites, sites[0])
	c, err := sites[0].open(rawclient.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Recv(); err == nil {
		t.Error("something came")
	}
	if _, err := sites[0].open(rawclient.Options{ReadOnly: true, Session: c.Session, Passwd: c.Passwd}); err != rawclient.ErrRefused {
		t.Errorf("a session that has expired: %v", err)
	}
}

// A server that starts without the others shows what it knows to be decided. Reads that
// the configuration wants linearizable are answered as well: the client asked for that.
func TestReadOnlyFromTheStart(t *testing.T) {
	sites := startEnsemble(t, 3, withReadOnly, "zabra.reads=linearizable")
	sites[0].client().create("/n", "x", wire.ModePersistent)
	agree(t, sites, "/n", "x")
	// The last session that agree opened may not have come to all servers yet.
	var last string
	sites[1].eventually("what is decided on all servers, and a note of that", func() bool {
		last = sites[1].zxid(t)
		note, err := os.ReadFile(filepath.Join(sites[1].dir, "zabra-decided"))
		return err == nil && strings.HasPrefix(string(note), last+" ") && sites[0].zxid(t) == last && sites[2].zxid(t) == last
	})
	for _, s := range []*site{sites[1], sites[0], sites[2]} { // it learns of no other leader
		s.halt()
	}
	sites[1].launch()
	sites[1].eventually("a read-only server", func() bool { return sites[1].word(t, "isro") == "ro" })
	c, err := sites[1].open(rawclient.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, ok := c.get("/n"); !ok || got != "x" {
		t.Errorf("/n: %q, %v", got, ok)
	}
	if got := sites[1].zxid(t); got != last {
		t.Errorf("it shows %s and not %s", got, last)
	}
}

// Without the key nobody is served.
func TestNotReadOnly(t *testing.T) {
	sites := startEnsemble(t, 3)
	sites[1].halt()
	sites[2].halt()
	sites[0].eventually("a server that looks", func() bool { return sites[0].word(t, "isro") == "null" })
	time.Sleep(2500 * time.Millisecond)
	if c, err := sites[0].open(rawclient.Options{ReadOnly: true}); err == nil {
		t.Errorf("session %v", c.Session)
	}
}
