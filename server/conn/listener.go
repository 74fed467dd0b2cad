package conn

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// Options are a client port's. Zero values mean what the comments say.
type Options struct {
	MaxPerAddr         int           // connections from one address; 0 is no limit
	MaxTotal           int           // connections in all; 0 is no limit
	SessionlessTimeout time.Duration // how long a connection may take to its handshake; default 10 s
	MaxFrame           int           // longest frame; default wire.DefaultMaxFrame
	TLS                *tls.Config   // nil for a plain port
	Unify              bool          // with TLS: serve plain connections on the same port too
	HandshakeTimeout   time.Duration // for TLS; default 5 s
	MaxHandshakes      int           // TLS handshakes under way at a time; 0 is no limit
	// Identify returns the identities of a TLS peer with the given verified
	// certificates; an error ends the connection. nil gives none.
	Identify func(tls.ConnectionState) ([]wire.ID, error)
	// Words answers four-letter words; nil answers none.
	Words Words
	// Serving reports whether sessions are served; nil is always.
	Serving func() bool
	// WriteTimeout is how long a peer may take nothing of what it is sent; default
	// one minute.
	WriteTimeout time.Duration
	// StopGrace is how long Stop lets clients wait for the answers to what they
	// have sent; default 10 s.
	StopGrace time.Duration
	// Loops is how many event loops serve plain connections behind their first request,
	// where the platform has them; default one for each processor. With a negative
	// number each connection keeps its goroutine.
	Loops int
	// Throttle bounds how fast sessions are opened and resumed.
	Throttle ThrottleOptions
}

// Words answers four-letter words on a client port.
type Words interface {
	// IsWord reports whether the first four bytes of a connection, read as the
	// length of a frame, are a word.
	IsWord(length int32) bool
	// Answer writes the answer to w. rest is what the client sends behind the
	// word.
	Answer(w io.Writer, rest io.Reader, length int32) error
}

// A Port accepts client connections and serves each, in a goroutine of its own or in an
// event loop.
type Port struct {
	core     *pipeline.Core
	log      *zap.Logger
	metrics  *metrics.Metrics
	o        Options
	ln       net.Listener
	limits   *limits
	throttle *throttle
	hands    chan struct{} // one token for each TLS handshake under way
	conns    sync.WaitGroup
	shaking  atomic.Int64
	stopping atomic.Bool // no more connections or requests are taken in
	closed   atomic.Bool // none is left open
	refusals seldom

	mu     sync.Mutex
	loops  loops
	open   map[*conn]struct{}
	number uint64 // of the connection accepted last
}

// NewPort serves connections of ln.
func NewPort(ln net.Listener, core *pipeline.Core, m *metrics.Metrics, log *zap.Logger, o Options) *Port {
	if o.MaxFrame == 0 {
		o.MaxFrame = wire.DefaultMaxFrame
	}
	if o.SessionlessTimeout == 0 {
		o.SessionlessTimeout = 10 * time.Second
	}
	if o.StopGrace == 0 {
		o.StopGrace = 10 * time.Second
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = time.Minute
	}
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = 5 * time.Second
	}
	if o.Loops == 0 {
		o.Loops = runtime.GOMAXPROCS(0)
	}
	p := &Port{core: core, log: log, metrics: m, o: o, ln: ln, throttle: newThrottle(o.Throttle, time.Now), limits: newLimits(o.MaxPerAddr, o.MaxTotal), open: map[*conn]struct{}{}}
	if o.MaxHandshakes > 0 {
		p.hands = make(chan struct{}, o.MaxHandshakes)
	}
	return p
}

// Addr is where the port listens.
func (p *Port) Addr() net.Addr { return p.ln.Addr() }

// Connections is the number of connections open.
func (p *Port) Connections() int { return p.limits.count() }

// Handshakes is the number of TLS handshakes under way.
func (p *Port) Handshakes() int64 { return p.shaking.Load() }

// countPlain counts a client without TLS.
func (p *Port) countPlain(nc net.Conn) {
	if peerAddr(nc).IsLoopback() {
		p.metrics.NonMTLSLocalConns.Inc(0)
		return
	}
	p.metrics.NonMTLSRemoteConns.Inc(0)
}

// DropProbability is that of refusing a session because too many were opened.
func (p *Port) DropProbability() float64 { return p.throttle.probability() }

// Serve accepts until ctx is done or the listener fails for good.
func (p *Port) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.ln.Close() })
	defer stop()
	p.startLoops()
	var pause time.Duration
	for {
		c, err := p.ln.Accept()
		if err == nil {
			pause = 0
			p.accepted(c)
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return nil
		}
		// Most likely no file descriptor is left; one will be.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		p.log.Warn("cannot accept a connection", zap.Error(err), zap.Duration("retry in", pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *Port) accepted(c net.Conn) {
	addr := peerAddr(c)
	if !p.limits.add(addr) {
		p.refuse(c)
		return
	}
	cn := &conn{port: p, raw: c, nc: c}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping.Load() {
		p.limits.remove(addr)
		c.Close()
		return
	}
	p.number++
	cn.number = p.number
	p.open[cn] = struct{}{}
	p.conns.Add(1)
	go cn.run()
}

// release forgets a connection that is over.
func (p *Port) release(c *conn) {
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
	p.limits.remove(peerAddr(c.raw))
	p.conns.Done()
}

// refuse closes a connection that is one too many.
func (p *Port) refuse(c net.Conn) {
	p.metrics.ConnectionRejected.Inc(0)
	if more, ok := p.refusals.due(time.Now()); ok {
		p.log.Warn("too many connections, refused one", zap.Stringer("peer", c.RemoteAddr()),
			zap.Int("maxClientCnxns", p.o.MaxPerAddr), zap.Int("maxCnxns", p.o.MaxTotal), zap.Int("since the last line", more))
	}
	c.Close()
}

// A seldom lets one line a second into the log, and counts the others.
type seldom struct {
	last time.Time
	more int
}

// due reports whether a line may be written now, and how many were not since the
// last.
func (s *seldom) due(now time.Time) (more int, ok bool) {
	if now.Sub(s.last) < time.Second {
		s.more++
		return 0, false
	}
	more, s.last, s.more = s.more, now, 0
	return more, true
}

// peerAddr is the peer's IP address, an IPv4 one also when it came by IPv6.
func peerAddr(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// Stop takes in no more requests, lets those that have come be answered, and
// closes every connection.
func (p *Port) Stop() {
	p.takeNoMore()
	p.eachOpen(func(c *conn) {
		c.raw.SetReadDeadline(time.Unix(1, 0))
		c.kick()
	})
	done := make(chan struct{})
	go func() {
		p.conns.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(p.o.StopGrace + lingerTime):
	}
	p.Close()
}

// Close ends every connection at once and waits for their goroutines.
func (p *Port) Close() {
	p.takeNoMore()
	p.closed.Store(true)
	p.eachOpen(func(c *conn) {
		c.shut()
		if cl := c.shown.Load(); cl != nil {
			cl.Kill(nil) // it may wait for something other than its socket
		}
	})
	p.conns.Wait()
	p.stopLoops()
}

// takeNoMore lets no connection in any more, also none that was just accepted.
func (p *Port) takeNoMore() {
	p.mu.Lock()
	p.stopping.Store(true)
	p.mu.Unlock()
	p.ln.Close()
}

func (p *Port) eachOpen(f func(c *conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		f(c)
	}
}

// A Connection is one connection of a port, for those who list them.
type Connection struct {
	Remote net.Addr
	Secure bool
	Client *pipeline.Client // nil before the connection turned out to be a client
}

// List is the connections at this moment, in the order they were accepted.
func (p *Port) List() []Connection {
	p.mu.Lock()
	conns := slices.Collect(maps.Keys(p.open))
	p.mu.Unlock()
	slices.SortFunc(conns, func(a, b *conn) int { return cmp.Compare(a.number, b.number) })
	list := make([]Connection, 0, len(conns))
	for _, c := range conns {
		list = append(list, Connection{c.raw.RemoteAddr(), c.secured.Load(), c.shown.Load()})
	}
	return list
}
