package server_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

func TestDigestSuper(t *testing.T) {
	s := startSite(t, superLine)
	owner := s.client()
	owner.auth("digest", "bob:builder")
	owner.create("/n", "x", wire.ModePersistent, wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "auth"}})
	impostor := s.client()
	impostor.auth("digest", "super:guess") // an id like any other
	impostor.do(wire.NoAuth, wire.OpGetData, &wire.PathWatchRequest{Path: "/n"}, nil)
	s.superClient().do(wire.OK, wire.OpDelete, &wire.PathVersionRequest{Path: "/n", Version: -1}, nil)
}

func TestNoSuperWithoutConfiguration(t *testing.T) {
	s := startSite(t)
	c := s.client()
	c.create("/n", "x", wire.ModePersistent, wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "digest", ID: "bob:hash"}})
	c.auth("digest", superPassword)
	c.do(wire.NoAuth, wire.OpGetData, &wire.PathWatchRequest{Path: "/n"}, nil)
}

// cutOff reports whether the server ends the connection after what it has sent.
func cutOff(c *client) bool {
	c.SetDeadline(time.Now().Add(patience))
	_, _, err := c.Recv()
	ne, ok := err.(net.Error)
	return err != nil && !(ok && ne.Timeout())
}

// A client that must authenticate first may do nothing else: it is told so and
// cut off.
func TestEnforcedSchemes(t *testing.T) {
	for name, lines := range map[string]string{
		"digest":         "enforce.auth.enabled=true\nenforce.auth.schemes=digest",
		"digest or x509": "enforce.auth.enabled=true\nenforce.auth.schemes=x509,digest",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPKI(t)
			s := startSite(t, lines, p.config(), "ssl.clientAuth=want", "client.portUnification=true")
			for _, op := range []wire.OpCode{wire.OpGetData, wire.OpExists, wire.OpSync, wire.OpWhoAmI, wire.OpSetData, wire.OpCreate} {
				c := s.client()
				var body wire.Record
				switch op {
				case wire.OpGetData, wire.OpExists:
					body = &wire.PathWatchRequest{Path: "/"}
				case wire.OpSync:
					body = &wire.PathRequest{Path: "/"}
				case wire.OpSetData:
					body = setData("/")
				case wire.OpCreate:
					body = createN("")
				}
				c.do(wire.SASLAuthRequired, op, body, nil)
				if !cutOff(c) {
					t.Errorf("%v: the connection stays", op)
				}
			}
			c := s.client()
			c.auth("digest", "bob:builder")
			if _, _, ok := c.get("/new"); ok {
				t.Error("a refused create was carried out")
			}
			c.do(wire.OK, wire.OpGetData, &wire.PathWatchRequest{Path: "/"}, nil)
			nc, err := s.dialTLS(s.addr(), p.client(p.issue(p.trusted, "carol")))
			if err != nil {
				t.Fatal(err)
			}
			want := wire.SASLAuthRequired
			if name == "digest or x509" {
				want = wire.OK
			}
			s.session(nc).do(want, wire.OpGetData, &wire.PathWatchRequest{Path: "/"}, nil)
		})
	}
}

func TestUnknownSchemeEndsTheConnection(t *testing.T) {
	s := startSite(t)
	for scheme, auth := range map[string]string{"nobody-knows": "x", "": "x"} {
		c := s.client()
		c.do(wire.AuthFailed, wire.OpAuth, &wire.AuthRequest{Scheme: scheme, Auth: []byte(auth)}, nil)
		if !cutOff(c) {
			t.Errorf("%q: the connection stays", scheme)
		}
	}
}

// A client that names another ensemble is not answered, so that it tries the
// next server.
func TestEnsembleNames(t *testing.T) {
	s := startSite(t, "authProvider.1=org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider", "ensembleAuthName=ours,also-ours")
	for name, ok := range map[string]bool{"ours": true, "also-ours": true, "": true, "theirs": false, "our": false, "ours,also-ours": false} {
		c := s.client()
		err := c.Do(wire.OpAuth, &wire.AuthRequest{Scheme: "ensemble", Auth: []byte(name)}, nil)
		if (err == nil) != ok {
			t.Errorf("%q: %v, want success %v", name, err, ok)
		}
		if _, answered := err.(wire.Code); answered {
			t.Errorf("%q: answered %v, want the connection to be cut", name, err)
		}
	}
	families := scrape(t, "http://"+s.webAddr("admin")+"/metrics")
	if ok, failed := value(families["ensemble_auth_success"], ""), value(families["ensemble_auth_fail"], ""); ok != 3 || failed != 3 {
		t.Errorf("%v successes and %v failures counted, want 3 each", ok, failed)
	}
}

// A session is resumed with its password and with no other.
func TestSessionPassword(t *testing.T) {
	s := startSite(t)
	owner := s.client()
	owner.create("/mine", "", wire.ModeEphemeral)
	for _, passwd := range [][]byte{nil, make([]byte, 16), []byte("0123456789abcdef"), make([]byte, 1000)} {
		nc, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(patience))
		b, mark := wire.BeginFrame(nil)
		r := wire.ConnectRequest{Timeout: 10000, Session: owner.Session, Passwd: passwd, HasReadOnly: true}
		nc.Write(wire.EndFrame(r.AppendTo(b), mark))
		answer, err := io.ReadAll(nc)
		if err != nil || len(answer) < 4 {
			t.Fatal(answer, err)
		}
		resp, err := rawclient.DecodeConnect(answer[4:])
		if err == nil {
			t.Errorf("password %q: session %v", passwd, resp.Session)
		}
	}
	owner.do(wire.OK, wire.OpExists, &wire.PathWatchRequest{Path: "/mine"}, nil)
}

// A login that fails is in the log, once a second, and what was tried is not.
func TestFailedLoginIsLogged(t *testing.T) {
	s := startSite(t)
	for range 3 {
		c := s.client()
		c.do(wire.AuthFailed, wire.OpAuth, &wire.AuthRequest{Scheme: "digest\nforged", Auth: []byte("super:hunter2")}, nil)
	}
	s.eventually("a line", func() bool {
		return strings.Contains(s.log.String(), "client failed to authenticate") && strings.Contains(s.log.String(), `digest\nforged`)
	})
	if strings.Contains(s.log.String(), "hunter2") {
		t.Error("the log has the password")
	}
}
