package server_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

const (
	withLocal   = "localSessionsEnabled=true"
	withUpgrade = "localSessionsUpgradingEnabled=true"
)

// open opens a session with its own timeout, or resumes one.
func (s *site) open(o rawclient.Options) (*client, error) {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	c, err := rawclient.NewConn(nc, o)
	return &client{Conn: c, t: s.t}, err
}

// resumes reports whether the session of another client can be resumed here.
func (s *site) resumes(c *client) bool {
	s.t.Helper()
	o := rawclient.Options{Timeout: c.Timeout, Session: c.Session, Passwd: c.Passwd}
	got, err := s.open(o)
	if err != nil && !errors.Is(err, rawclient.ErrRefused) {
		s.t.Fatal(err)
	}
	return err == nil && got.Session == c.Session
}

// sessionsOf is how many local and global sessions a server says it knows.
func (s *site) sessionsOf(t *testing.T) (local, global string) {
	t.Helper()
	m := s.mntr(t)
	return m["zk_local_sessions"], m["zk_global_sessions"]
}

// zxid is the last one that the server has applied.
func (s *site) zxid(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(s.word(t, "srvr")) {
		if z, ok := strings.CutPrefix(line, "Zxid: "); ok {
			return strings.TrimSpace(z)
		}
	}
	t.Fatal("no zxid")
	return ""
}

// glance reads a node in a session that ends with that.
func (s *site) glance(path string) (string, error) {
	s.t.Helper()
	c := s.client()
	defer c.Close()
	return c.read(path)
}

// tries reads a node in a session that ends with that; false if there is no session, as
// while the server changes its role, or no such node.
func (s *site) tries(path string) (string, bool) {
	s.t.Helper()
	c, err := s.open(rawclient.Options{})
	if err != nil {
		return "", false
	}
	defer c.Close()
	var r wire.GetDataResponse
	err = c.Do(wire.OpGetData, &wire.PathWatchRequest{Path: path}, &r)
	return string(r.Data), err == nil
}

// sees wants every server to show a node, and leaves no session behind.
func sees(t *testing.T, sites []*site, path, want string) {
	t.Helper()
	for i, s := range sites {
		if got, err := s.glance(path); err != nil || got != want {
			t.Errorf("server %d: %s is %q, %v; want %q", i+1, path, got, err, want)
		}
	}
}

// Local sessions are opened, written with and closed without a transaction of their
// own, wherever they are, and no other server knows them.
func TestLocalSessions(t *testing.T) {
	sites := startEnsemble(t, 3, withLocal, withUpgrade)
	for i, s := range sites {
		other := sites[(i+1)%len(sites)]
		s.eventually("no sessions", func() bool { l, g := s.sessionsOf(t); return l == "0" && g == "0" })
		before := s.zxid(t)
		c := s.client()
		if after := s.zxid(t); after != before {
			t.Errorf("server %d: a local session has taken the zxid from %s to %s", i+1, before, after)
		}
		if l, g := s.sessionsOf(t); l != "1" || g != "0" {
			t.Errorf("server %d: %s local and %s global sessions", i+1, l, g)
		}
		path := fmt.Sprintf("/local%d", i)
		c.create(path, "x", wire.ModePersistent)
		c.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: path, Data: []byte("y"), Version: 0}, nil)
		sees(t, sites, path, "y")
		if dump := s.word(t, "dump"); !strings.Contains(dump, "Local Session Sets (") || !strings.Contains(dump, "\t"+c.Session.String()+"\n") {
			t.Errorf("server %d: dump says\n%s", i+1, dump)
		}
		if other.resumes(c) {
			t.Errorf("server %d resumes a session that is local to server %d", (i+1)%len(sites)+1, i+1)
		}
		if !s.resumes(c) {
			t.Errorf("server %d does not resume its own local session", i+1)
		}
		again, err := s.open(rawclient.Options{Session: c.Session, Passwd: c.Passwd})
		if err != nil {
			t.Fatal(err)
		}
		before = s.zxid(t)
		if err := again.Close(); err != nil {
			t.Errorf("server %d: close: %v", i+1, err)
		}
		if after := s.zxid(t); after != before {
			t.Errorf("server %d: closing a local session has taken the zxid from %s to %s", i+1, before, after)
		}
		if s.resumes(c) {
			t.Errorf("server %d resumes a session that was closed", i+1)
		}
	}
}

// A local session becomes global with its first ephemeral node, whichever request asks
// for that, and keeps its id and the order of its requests.
func TestLocalSessionIsUpgraded(t *testing.T) {
	sites := startEnsemble(t, 3, withLocal, withUpgrade)
	for i, s := range sites {
		other := sites[(i+1)%len(sites)]
		for k, ask := range []func(c *client, path string){
			func(c *client, path string) { c.create(path, "", wire.ModeEphemeral) },
			func(c *client, path string) {
				c.do(wire.OK, wire.OpCreate2, &wire.CreateRequest{Path: path, ACL: anyone, Flags: int32(wire.ModeEphemeral)}, nil)
			},
			func(c *client, path string) {
				ops := []wire.MultiOp{
					{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: path + "p", ACL: anyone}},
					{Op: wire.OpCreate2, Body: &wire.CreateRequest{Path: path, ACL: anyone, Flags: int32(wire.ModeEphemeral)}},
				}
				c.do(wire.OK, wire.OpMulti, rawRecord(wire.AppendMulti(nil, ops)), nil)
			},
		} {
			c := s.client()
			path := fmt.Sprintf("/e%d%d", i, k)
			c.create(path+"before", "", wire.ModePersistent)
			ask(c, path)
			if _, stat, ok := c.get(path); !ok || wire.SessionID(stat.EphemeralOwner) != c.Session {
				t.Errorf("server %d, %d: owner %x of session %v", i+1, k, stat.EphemeralOwner, c.Session)
			}
			if l, g := s.sessionsOf(t); l != "0" || g != "1" {
				t.Errorf("server %d, %d: %s local and %s global sessions", i+1, k, l, g)
			}
			sees(t, sites, path, "")
			if !other.resumes(c) {
				t.Errorf("server %d, %d: the session is upgraded and no other server knows it", i+1, k)
			}
			last, err := other.open(rawclient.Options{Session: c.Session, Passwd: c.Passwd})
			if err != nil {
				t.Fatal(err)
			}
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
			for _, site := range sites {
				if _, err := site.glance(path); err == nil {
					t.Errorf("server %d, %d: the node outlives its session", i+1, k)
				}
			}
			s.eventually("no sessions", func() bool { l, g := s.sessionsOf(t); return l == "0" && g == "0" })
		}
	}
}

// A rawRecord is one whose bytes are given.
type rawRecord []byte

func (r rawRecord) AppendTo(b []byte) []byte { return append(b, r...) }
func (rawRecord) DecodeFrom(*wire.Decoder)   {}

// Without upgrading a local session makes no ephemeral nodes, and goes on.
func TestLocalSessionIsNotUpgraded(t *testing.T) {
	sites := startEnsemble(t, 3, withLocal)
	leader, _, others := lead(t, sites)
	for _, s := range append(others, leader) {
		c := s.client()
		for _, op := range []wire.OpCode{wire.OpCreate, wire.OpCreate2} {
			c.do(wire.EphemeralOnLocalSession, op, &wire.CreateRequest{Path: "/e", ACL: anyone, Flags: int32(wire.ModeEphemeral)}, nil)
		}
		c.create("/p", "", wire.ModePersistent)
		c.do(wire.OK, wire.OpDelete, &wire.PathVersionRequest{Path: "/p", Version: -1}, nil)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A local session expires where it is; the others hear nothing of that. An upgraded one
// ends by a transaction.
func TestLocalSessionExpires(t *testing.T) {
	sites := startEnsemble(t, 3, withLocal, withUpgrade)
	var local, upgraded []*client
	for i, s := range sites {
		for _, list := range []*[]*client{&local, &upgraded} {
			c, err := s.open(rawclient.Options{Timeout: 4 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			*list = append(*list, c)
		}
		upgraded[i].create(fmt.Sprintf("/expires%d", i), "", wire.ModeEphemeral)
	}
	last := upgraded[2].LastZxid().String()
	for i, s := range sites {
		if _, _, err := local[i].Recv(); err == nil {
			t.Error("something came")
		}
		s.eventually("the sessions to expire, the upgraded ones by transactions", func() bool {
			l, g := s.sessionsOf(t)
			return l == "0" && g == "0" && s.zxid(t) > last // of one epoch, so they have the same length
		})
		if s.resumes(local[i]) || s.resumes(upgraded[i]) {
			t.Errorf("server %d resumes a session that has expired", i+1)
		}
		if !strings.Contains(s.log.String(), "session expired") {
			t.Error("the log does not tell of it")
		}
	}
}

// The local sessions of a server end with its role, upgraded ones do not.
func TestLocalSessionsEndWithTheRole(t *testing.T) {
	sites := startEnsemble(t, 3, withLocal, withUpgrade)
	leader, _, others := lead(t, sites)
	local, upgraded := others[0].client(), others[0].client()
	upgraded.create("/e", "", wire.ModeEphemeral)
	leader.halt()
	for _, c := range []*client{local, upgraded} {
		if _, _, err := c.Recv(); err == nil {
			t.Error("something came")
		}
	}
	for _, s := range others {
		s.eventually("the others to serve", s.serves)
	}
	if others[0].resumes(local) {
		t.Error("a local session has survived its server's role")
	}
	if !others[1].resumes(upgraded) {
		t.Error("an upgraded session has not survived")
	}
}
