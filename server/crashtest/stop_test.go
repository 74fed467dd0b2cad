package crashtest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// SIGTERM under load: what was taken in is answered, nothing is lost, the exit
// code is 0.
func TestTerminate(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 5))
	c := newCampaign(t, rng, "snapCount=500\n")
	var slowest time.Duration
	for range times(t, "ZABRA_TERMINATIONS", 4, 100) {
		var running sync.WaitGroup
		for _, w := range c.workers {
			conn := c.attach(&w.s)
			running.Go(func() {
				w.run(conn)
				conn.drop()
			})
		}
		bothers := c.bother()
		time.Sleep(time.Duration(50+rng.IntN(200)) * time.Millisecond)
		code, took := c.d.terminate()
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
		slowest = max(slowest, took)
		running.Wait()
		for _, nc := range bothers {
			_ = nc.Close()
		}
		c.verify()
		c.d.mustStart()
		c.check()
	}
	t.Logf("the slowest stop took %v", slowest)
}

// bother makes connections that could hold a stop up: silent, half open, idle, and
// one that does not read.
func (c *campaign) bother() []net.Conn {
	c.t.Helper()
	var conns []net.Conn
	for i := range 3 {
		nc, err := net.DialTimeout("tcp", c.d.addr(), patience)
		if err != nil {
			c.t.Fatal(err)
		}
		if _, err := nc.Write(handshakeFrame()[:i*20]); err != nil {
			c.t.Fatal(err)
		}
		conns = append(conns, nc)
	}
	idle := c.attach(&session{timeout: patience})
	deaf := c.attach(&session{timeout: patience})
	_ = deaf.nc.(*net.TCPConn).SetReadBuffer(4096)
	go func() {
		for range 3000 {
			if deaf.send(wire.OpGetChildren2, (&wire.PathWatchRequest{Path: "/w0/q"}).AppendTo) != nil {
				return
			}
		}
	}()
	return append(conns, idle.nc, deaf.nc)
}

// received is how many packets the server has had from all clients.
func (d *daemon) received() (n int) {
	d.t.Helper()
	nc, err := net.DialTimeout("tcp", d.addr(), patience)
	if err != nil {
		d.t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, "srvr"); err != nil {
		d.t.Fatal(err)
	}
	answer, err := io.ReadAll(nc)
	if err != nil {
		d.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(answer), "\nReceived: ")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		d.t.Fatalf("%q: %v", answer, err)
	}
	return n
}

// Everything that a server has received before SIGTERM is answered.
func TestTerminateAnswersWhatIsInFlight(t *testing.T) {
	d := newDaemon(t, "")
	d.mustStart()
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	const sent = 300
	for i := range sent {
		if err := c.send(wire.OpCreate, (&wire.CreateRequest{Path: fmt.Sprintf("/n%d", i), ACL: wire.WorldAnyone(wire.PermAll)}).AppendTo); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(patience); d.received() < sent; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server has received %d of %d requests", d.received(), sent)
		}
	}
	answers := make(chan int)
	go func() {
		n := 0
		for {
			if _, err := c.frame(); err != nil {
				answers <- n
				return
			}
			n++
		}
	}()
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if n := <-answers; n != sent {
		t.Errorf("%d of %d requests were answered", n, sent)
	}
}
