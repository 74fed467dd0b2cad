package admin

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

const (
	tlsHandshakeByte = 0x16 // the first byte of a TLS connection; no HTTP method begins with it
	maxUndecided     = 64   // connections of which no byte has come yet
)

// An eitherListener takes plain and TLS connections on one port. Each connection
// waits for its first byte in a goroutine of its own, so that a silent one holds
// up no other.
type eitherListener struct {
	net.Listener
	config  *tls.Config
	onPlain func()

	accepted  chan accepted
	undecided chan struct{} // one for each connection in decide
	done      chan struct{} // closed by Close
	closeOnce sync.Once
}

// accepted is what Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

func newEitherListener(l net.Listener, config *tls.Config, onPlain func()) *eitherListener {
	e := &eitherListener{
		Listener:  l,
		config:    config,
		onPlain:   onPlain,
		accepted:  make(chan accepted),
		undecided: make(chan struct{}, maxUndecided),
		done:      make(chan struct{}),
	}
	go e.acceptAll()
	return e
}

// acceptAll ends after Close. An error goes to Accept's caller, who knows which
// ones pass.
func (e *eitherListener) acceptAll() {
	for {
		select {
		case e.undecided <- struct{}{}:
		case <-e.done:
			return
		}
		c, err := e.Listener.Accept()
		if err == nil {
			go e.decide(c)
			continue
		}
		<-e.undecided
		e.deliver(accepted{err: err})
	}
}

// deliver reports false if the listener was closed instead.
func (e *eitherListener) deliver(a accepted) bool {
	select {
	case e.accepted <- a:
		return true
	case <-e.done:
		return false
	}
}

// decide waits for the first byte and hands the connection to Accept.
func (e *eitherListener) decide(c net.Conn) {
	defer func() { <-e.undecided }()
	var first [1]byte
	c.SetReadDeadline(time.Now().Add(headerTimeout))
	if _, err := c.Read(first[:]); err != nil {
		c.Close()
		return
	}
	c.SetReadDeadline(time.Time{})
	peeked := &peekedConn{Conn: c, first: first[0], pending: true}
	var out net.Conn = peeked
	if first[0] == tlsHandshakeByte {
		out = tls.Server(peeked, e.config)
	} else if e.onPlain != nil {
		e.onPlain()
	}
	if !e.deliver(accepted{conn: out}) {
		c.Close()
	}
}

// Accept returns the next connection of which a byte has come.
func (e *eitherListener) Accept() (net.Conn, error) {
	select {
	case a := <-e.accepted:
		return a.conn, a.err
	case <-e.done:
		return nil, net.ErrClosed
	}
}

// Close closes the port. Connections that Accept has returned stay open.
func (e *eitherListener) Close() error {
	e.closeOnce.Do(func() { close(e.done) })
	return e.Listener.Close()
}

// A peekedConn gives back the byte that was read to decide about it.
type peekedConn struct {
	net.Conn
	first   byte
	pending bool
}

func (c *peekedConn) Read(b []byte) (int, error) {
	if c.pending && len(b) > 0 {
		c.pending = false
		b[0] = c.first
		return 1, nil
	}
	return c.Conn.Read(b)
}
