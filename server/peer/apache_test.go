package peer

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/freeport"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
)

// javaPatience is how long a JVM may take on a machine with other things to do.
const javaPatience = 2 * time.Minute

// An apache is an Apache ZooKeeper server that has this package for its only peer.
type apache struct {
	sid              wire.SID
	election, quorum string
	log              *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var ports freeport.Ports

// freePort is an address that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// startApache runs a server whose peer has the given ports.
func startApache(t testing.TB, sid, peer wire.SID, election, quorum string, m mode) *apache {
	t.Helper()
	a := &apache{sid: sid, election: freePort(t), quorum: freePort(t), log: &lockedBuffer{}}
	dir := t.TempDir()
	config := fmt.Sprintf("tickTime=1000\ninitLimit=30\nsyncLimit=15\ndataDir=%s\nclientPort=%s\nadmin.enableServer=false\n"+
		"server.%d=127.0.0.1:%s:%s\nserver.%d=127.0.0.1:%s:%s\n%s\n",
		dir, port(freePort(t)), sid, port(a.quorum), port(a.election), peer, port(quorum), port(election), m.config)
	for name, text := range map[string]string{"zoo.cfg": config, "myid": fmt.Sprint(sid)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lib, err := filepath.Abs("../../.interop/java")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-Dzabra.log=INFO"}, m.jvm...)
	cmd := exec.Command("java", append(args, "-cp", filepath.Join(lib, "target", "classes")+":"+filepath.Join(lib, "lib", "*"),
		"org.apache.zookeeper.server.quorum.QuorumPeerMain", filepath.Join(dir, "zoo.cfg"))...)
	cmd.Stdout, cmd.Stderr = a.log, a.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(a.log.String())
		}
	})
	return a
}

// until waits for something that a JVM does.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(javaPatience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A mode is a way in which servers speak to each other.
type mode struct {
	name      string
	multi     bool
	config    string   // more lines of Apache's zoo.cfg
	jvm       []string // more flags of its JVM
	transport Transport
}

func modes(t testing.TB) []mode {
	store := selfSigned(t)
	tls := fmt.Sprintf("ssl.quorum.keyStore.location=%[1]s\nssl.quorum.trustStore.location=%[1]s\n", store)
	sasl := saslConfig(t, jaas, true, true)
	proved, _, err := FromConfig(sasl, nil)
	if err != nil {
		t.Fatal(err)
	}
	return []mode{
		{name: "plain"},
		{name: "multi address", multi: true, jvm: []string{"-Dzookeeper.multiAddress.enabled=true"}},
		{name: "TLS", config: tls + "sslQuorum=true", transport: secured(t, store, true, false)},
		{name: "plain, TLS accepted", config: tls + "sslQuorum=false\nportUnification=true", transport: secured(t, store, true, true)},
		{name: "SASL", transport: proved, config: saslKeys(&sasl.Ensemble),
			jvm: []string{"-Dzookeeper.fips-mode=false", "-Djava.security.auth.login.config=" + sasl.Auth.JAASFile}},
	}
}

func saslKeys(e *zoocfg.Ensemble) string {
	return fmt.Sprintf("quorum.auth.enableSasl=%t\nquorum.auth.learnerRequireSasl=%t\nquorum.auth.serverRequireSasl=%t",
		e.SASLEnable, e.SASLLearnerRequire, e.SASLServerRequire)
}

// notes keeps the notification heard last.
type notes struct {
	mu   sync.Mutex
	last *wire.Notification
}

func (n *notes) receive(_ wire.SID, v wire.Notification) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = &v
}

func (n *notes) get() *wire.Notification {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}

// An Apache server, whose id is the smaller or the larger one, hears our votes and
// we hear its; and whoever of us two is elected, the other one gets through to its
// quorum port.
func TestApache(t *testing.T) {
	if os.Getenv("ZABRA_INTEROP") != "required" {
		t.Skip("run by make interop")
	}
	for _, m := range modes(t) {
		for _, sid := range []wire.SID{1, 3} {
			for _, leads := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/server %d/we lead: %t", m.name, sid, leads), func(t *testing.T) {
					t.Parallel()
					meetApache(t, m, sid, leads)
				})
			}
		}
	}
}

func meetApache(t *testing.T, m mode, sid wire.SID, leads bool) {
	const self = 2
	ln, quorum := listen(t), listen(t)
	learners := make(chan *Conn, 100)
	l := NewListener(ListenerConfig{Transport: m.transport, Accept: func(c *Conn) { learners <- c }}, quorum)
	defer l.Close()
	var heard notes
	votes := NewElection(ElectionConfig{
		Self: self, Addresses: []string{ln.Addr().String()}, Multi: m.multi, Transport: m.transport, Receive: heard.receive,
	}, nil, ln)
	defer votes.Close()
	a := startApache(t, sid, self, ln.Addr().String(), quorum.Addr().String(), m)
	votes.SetServers(map[wire.SID][]string{sid: {a.election}})
	votes.Send(sid, vote(0)) // of no importance, while nobody is there
	until(t, "its vote", func() bool { n := heard.get(); return n != nil && n.State == wire.Looking })
	n := *heard.get()
	if !strings.Contains(string(n.Config), "server.2=") || n.Version != wire.NotificationVersion {
		t.Errorf("heard %+v", n)
	}
	if leads {
		n.Leader, n.Round, n.Zxid, n.PeerEpoch = self, n.Round+10, 1<<32, 1
	} else {
		n.Leader = sid
	}
	want := n
	until(t, "its agreement", func() bool {
		votes.Send(sid, want)
		time.Sleep(50 * time.Millisecond)
		n := heard.get()
		return n.Leader == want.Leader && n.Round == want.Round
	})
	if leads {
		c := &end{Conn: <-learners}
		c.start()
		until(t, "FOLLOWERINFO", func() bool { return c.count() > 0 })
		if p := c.got[0]; p.Type != wire.PacketFollowerInfo {
			t.Errorf("it began with %v", p.Type)
		}
		c.Close()
		c.Wait()
		return
	}
	nc, err := Dial(context.Background(), DialConfig{Transport: m.transport, Tries: 1000}, a.quorum)
	if err != nil {
		t.Fatal(err)
	}
	c := &end{Conn: nc}
	c.start()
	info := wire.LearnerInfo{SID: self, Protocol: wire.ProtocolVersion}
	c.Send(wire.QuorumPacket{Type: wire.PacketFollowerInfo, Data: info.AppendTo(nil)})
	until(t, "LEADERINFO", func() bool { return c.count() > 0 })
	if p := c.got[0]; p.Type != wire.PacketLeaderInfo || p.Zxid.Epoch() != 1 {
		t.Errorf("it answers with %v %v", p.Type, p.Zxid)
	}
	c.Close()
	c.Wait()
}
