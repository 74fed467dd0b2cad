package harness

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A Proxy forwards TCP to a server until it is cut: then every connection drops
// and new ones are refused, until it is joined again.
type Proxy struct {
	// Addr is where clients connect.
	Addr string

	target   string
	listener net.Listener

	mu struct {
		sync.Mutex
		cut   bool
		conns map[net.Conn]bool
	}
}

// NewProxy starts a proxy that ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, listener: l}
	p.mu.conns = map[net.Conn]bool{}
	go p.accept()
	t.Cleanup(func() {
		l.Close()
		p.Cut()
	})
	return p
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.forward(c)
	}
}

func (p *Proxy) forward(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	if !p.add(client, server) {
		return
	}
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			io.Copy(pair[0], pair[1])
			p.remove(pair[0], pair[1])
		})
	}
	both.Wait()
}

// add notes the two ends of a connection, or closes them while the proxy is cut.
func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.mu.cut {
			c.Close()
			continue
		}
		p.mu.conns[c] = true
	}
	return !p.mu.cut
}

func (p *Proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(p.mu.conns, c)
	}
}

// Cut drops every connection and refuses new ones.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.cut = true
	for c := range p.mu.conns {
		c.Close()
	}
	clear(p.mu.conns)
}

// Join lets connections through again.
func (p *Proxy) Join() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.cut = false
}

// RestartBehind ends the server and starts it again while the proxy is cut, so
// that nobody comes back to a server that is about to stop: Apache may tell such
// a client that its session has expired.
func (s *Server) RestartBehind(t testing.TB, p *Proxy, end func()) {
	t.Helper()
	p.Cut()
	defer p.Join()
	end()
	s.Restart(t)
}
