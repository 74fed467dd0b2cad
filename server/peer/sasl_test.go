package peer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/zabra/zabra/sasl"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
)

const jaas = `
QuorumServer {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_zk="between us";
};
QuorumLearner {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    username="zk"
    password="between us";
};
`

// saslConfig is a configuration with SASL, and a JAAS file with the text.
func saslConfig(t testing.TB, text string, learner, server bool) *zoocfg.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jaas.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &zoocfg.Config{TickTime: time.Second}
	c.Auth.JAASFile = path
	c.Ensemble.SyncLimit, c.Ensemble.CnxnTimeout = 20, -1
	c.Ensemble.SASLEnable, c.Ensemble.SASLLearnerRequire, c.Ensemble.SASLServerRequire = true, learner, server
	c.Ensemble.SASLLearnerContext, c.Ensemble.SASLServerContext = "QuorumLearner", "QuorumServer"
	return c
}

// saslSteps are those of a migration to SASL without downtime.
func saslSteps(t testing.TB) []Transport {
	t.Helper()
	steps := []Transport{{}}
	for _, required := range [][2]bool{{false, false}, {true, false}, {true, true}} {
		tr, _, err := FromConfig(saslConfig(t, jaas, required[0], required[1]), nil)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, tr)
	}
	return steps
}

func TestMigrationToSASL(t *testing.T) {
	steps := saslSteps(t)
	for i := range steps {
		for j := max(0, i-1); j < min(i+2, len(steps)); j++ {
			for _, sids := range [][2]wire.SID{{1, 2}, {2, 1}} {
				noLeaks(t)
				a := newVoter(t, sids[0], nil, func(c *ElectionConfig) { c.Transport = steps[i] })
				b := newVoter(t, sids[1], nil, func(c *ElectionConfig) { c.Transport = steps[j] })
				acquaint(a, b)
				a.Send(b.sid, vote(1))
				b.hears(t, a.sid, 1)
				b.Send(a.sid, vote(2))
				a.hears(t, b.sid, 2)
				a.Close()
				b.Close()
			}
			leader, learner := pair(t, ConnOptions{}, steps[i], steps[j])
			leader.start()
			learner.start()
			learner.Send(packet(1, 100))
			leader.Send(packet(2, 100))
			eventually(t, "packets", func() bool { return leader.count() == 1 && learner.count() == 1 })
			checkPackets(t, leader.got, []wire.QuorumPacket{packet(1, 100)})
		}
	}
}

func TestSASLOverTLS(t *testing.T) {
	noLeaks(t)
	tr := secured(t, selfSigned(t), true, false)
	tr.SASL = &SASL{Prove: true, User: "zk", Password: "secret", Users: sasl.Users{"zk": "secret"}, Require: true}
	leader, learner := pair(t, ConnOptions{}, tr, tr)
	leader.start()
	learner.start()
	learner.Send(packet(1, 100))
	eventually(t, "a packet", func() bool { return leader.count() == 1 })
	leader.Finish(patience)
	learner.endsWith(t, io.EOF)
}

func TestSASLRefuses(t *testing.T) {
	users := sasl.Users{"zk": "secret"}
	good := &SASL{Prove: true, User: "zk", Password: "secret", Users: users, Require: true}
	for name, s := range map[string]*SASL{
		"none":           nil,
		"not begun":      {Users: users},
		"wrong password": {Prove: true, User: "zk", Password: "guess", Users: users},
		"unknown user":   {Prove: true, User: "zq", Password: "secret", Users: users},
	} {
		noLeaks(t)
		// Nobody who fails gets in where a proof is required, on either port.
		v := newVoter(t, 1, nil, func(c *ElectionConfig) { c.Transport.SASL = good })
		stranger := newVoter(t, 2, nil, func(c *ElectionConfig) { c.Transport.SASL = s })
		acquaint(v, stranger)
		stranger.Send(1, vote(1))
		eventually(t, "the refusal", func() bool { n, _ := stranger.down(1); return n > 0 })
		if got := v.all(2); len(got) > 0 {
			t.Errorf("%s: heard %v", name, got)
		}
		ln := listen(t)
		l := NewListener(ListenerConfig{Transport: Transport{SASL: good}, Accept: func(c *Conn) {
			t.Errorf("%s: accepted", name)
			c.Close()
		}}, ln)
		c, err := Dial(context.Background(), DialConfig{Transport: Transport{SASL: s}, Tries: 1}, ln.Addr().String())
		if s != nil && s.Prove {
			if err == nil {
				t.Errorf("%s: dialled", name)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			c.Send(packet(1, 1))
			e := &end{Conn: c}
			e.start()
			e.Wait()
		}
		l.Close()

		// A proof that fails is refused where none is required, too.
		if s != nil && s.Prove {
			if err := saslMeet(s, &SASL{Users: users}); err == nil {
				t.Errorf("%s: let in", name)
			}
		}
	}
	// The acceptor has to prove itself as well.
	if err := saslMeet(good, &SASL{Users: sasl.Users{"zk": "another"}}); err == nil {
		t.Error("an acceptor that does not know the password was believed")
	}
}

// saslMeet returns what either side says.
func saslMeet(dialler, acceptor *SASL) error {
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() {
		defer b.Close()
		done <- acceptor.accepted(b, bufio.NewReader(b), time.Now().Add(patience))
	}()
	err := dialler.dialled(a)
	a.Close()
	return errors.Join(err, <-done)
}

func TestSASLConfigErrors(t *testing.T) {
	for name, c := range map[string]*zoocfg.Config{
		"no server section":  saslConfig(t, `QuorumLearner { a.DigestLoginModule required username="a" password="b"; };`, false, false),
		"no learner section": saslConfig(t, `QuorumServer { a.DigestLoginModule required user_a="b"; };`, true, false),
		"no file named":      {Ensemble: zoocfg.Ensemble{SASLEnable: true}},
	} {
		_, _, err := FromConfig(c, nil)
		var typed *SASLConfigError
		if !errors.As(err, &typed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := saslConfig(t, `QuorumServer { com.sun.security.auth.module.Krb5LoginModule required; };`, false, false)
	if _, _, err := FromConfig(c, nil); !errors.Is(err, auth.ErrSASLUnsupported) {
		t.Errorf("Kerberos: %v", err)
	}
}

func TestSASLPacketIsTheReferences(t *testing.T) {
	var b bytes.Buffer
	if err := writeSASL(&b, saslPacket{saslGoesOn, []byte{}}); err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, "5f2435013501edcc 00000000 00000000"); !slices.Equal(b.Bytes(), want) {
		t.Errorf("%x, want %x", b.Bytes(), want)
	}
}

func FuzzSASLAcceptor(f *testing.F) {
	var b bytes.Buffer
	_ = writeSASL(&b, saslPacket{saslGoesOn, []byte{}})
	f.Add(b.Bytes())
	_ = writeSASL(&b, saslPacket{saslGoesOn, []byte(`username="zk",realm="zk-quorum-sasl-md5",nonce="",cnonce="c",nc=00000001,qop=auth,digest-uri="zookeeper-quorum/zk-quorum-sasl-md5",response=00000000000000000000000000000000,charset=utf-8`)})
	f.Add(b.Bytes())
	f.Add(unhex(f, "5f2435013501edcc 00000000 7fffffff"))
	s := &SASL{Users: sasl.Users{"zk": "secret"}, Require: true}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := s.exchange(bytes.NewReader(b), io.Discard); err == nil {
			t.Fatal("somebody without the password was let in")
		}
	})
}

func FuzzSASLDialler(f *testing.F) {
	var b bytes.Buffer
	_ = writeSASL(&b, saslPacket{saslGoesOn, []byte(`realm="zk-quorum-sasl-md5",nonce="n",charset=utf-8,algorithm=md5-sess`)})
	_ = writeSASL(&b, saslPacket{saslDone, []byte("rspauth=00000000000000000000000000000000")})
	f.Add(b.Bytes())
	f.Add(unhex(f, "5f2435013501edcc ffffffff 00000000"))
	s := &SASL{Prove: true, User: "zk", Password: "secret"}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := s.dialled(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(b), io.Discard})
		if err == nil {
			t.Fatal("an acceptor without the password was believed")
		}
	})
}
