package peer

import (
	"context"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
)

// ListenerConfig is what a Listener needs to know. Accept is required.
type ListenerConfig struct {
	Transport Transport
	Conn      ConnOptions
	// Accept gets each connection, when TLS and SASL are done, in a goroutine of
	// its own. It or somebody later calls Conn.Start or Conn.Close.
	Accept func(*Conn)
	// MaxWaiting bounds the connections that have not sent a packet; 0 is
	// DefaultMaxWaiting.
	MaxWaiting int
	Log        *zap.Logger // nil logs nothing
}

// A Listener is the quorum port of a leader: it accepts learners.
type Listener struct {
	c         ListenerConfig
	ctx       context.Context
	stop      context.CancelFunc
	wg        sync.WaitGroup
	door      door
	listeners []net.Listener
}

// NewListener serves the listeners, which become its own.
func NewListener(c ListenerConfig, listeners ...net.Listener) *Listener {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	l := &Listener{c: c, door: door{max: c.MaxWaiting}, listeners: listeners}
	l.ctx, l.stop = context.WithCancel(context.Background())
	for _, ln := range listeners {
		l.wg.Go(func() { acceptAll(l.ctx, ln, c.Log, l.accepted) })
	}
	return l
}

// Close closes the listeners, and the connections that have not sent a packet. The
// others are their owner's. When it returns Accept is not called any more. It must
// not be called from Accept.
func (l *Listener) Close() {
	l.stop()
	for _, ln := range l.listeners {
		ln.Close()
	}
	l.door.close()
	l.wg.Wait()
}

func (l *Listener) accepted(raw net.Conn) {
	if !l.door.enter(raw) {
		return
	}
	l.wg.Go(func() {
		by := time.Now().Add(l.c.Transport.handshakeTimeout())
		raw.SetDeadline(by)
		nc, err := l.c.Transport.accepted(raw)
		if err == nil {
			nc, err = l.c.Transport.SASL.acceptLearner(nc, by)
		}
		if err != nil {
			l.door.leave(raw)
			raw.Close()
			l.c.Log.Info("closed a connection to the quorum port", zap.Stringer("peer", raw.RemoteAddr()), zap.Error(err))
			return
		}
		raw.SetDeadline(time.Time{})
		c := newConn(nc, l.c.Conn)
		c.leave, c.firstBy = func() bool { return l.door.leave(raw) }, by
		l.c.Accept(c)
	})
}
