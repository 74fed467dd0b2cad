package server_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A stallProxy stands between a learner and the quorum port of a server. While it is
// stalled it takes nothing from that server, as a learner that has stopped reading;
// throttled, it takes a little at a time.
type stallProxy struct {
	target string
	port   int
	said   atomic.Int64 // bytes of the learner

	mu    sync.Mutex
	moved sync.Cond
	full  bool
	rate  int // bytes in a second; 0 is no limit
	conns []net.Conn
}

func newStallProxy(t testing.TB, target string) *stallProxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &stallProxy{target: target, port: ln.Addr().(*net.TCPAddr).Port}
	p.moved.L = &p.mu
	t.Cleanup(func() {
		ln.Close()
		p.stall(false)
		p.cut()
	})
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			p.forward(nc)
		}
	}()
	return p
}

func (p *stallProxy) forward(learner net.Conn) {
	up, err := net.Dial("tcp", p.target)
	if err != nil {
		learner.Close()
		return
	}
	up.(*net.TCPConn).SetReadBuffer(16 << 10) // so that the leader's side fills soon
	p.mu.Lock()
	p.conns = append(p.conns, learner, up)
	p.mu.Unlock()
	copyAll := func(to, from net.Conn, wait func(n int)) {
		defer to.Close()
		defer from.Close()
		b := make([]byte, 16<<10)
		for {
			wait(0)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			wait(n)
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
	}
	go copyAll(learner, up, p.pass)
	go copyAll(up, learner, func(n int) { p.said.Add(int64(n)) })
}

// pass waits until so many bytes may go on.
func (p *stallProxy) pass(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.full {
		p.moved.Wait()
	}
	if rate := p.rate; rate > 0 {
		p.mu.Unlock()
		time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		p.mu.Lock()
	}
}

// throttle lets so many bytes through in a second.
func (p *stallProxy) throttle(rate int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate = rate
}

func (p *stallProxy) stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full = on
	p.moved.Broadcast()
}

// cut ends all connections.
func (p *stallProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, nc := range p.conns {
		nc.Close()
	}
	p.conns = nil
}
