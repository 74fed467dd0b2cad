package client

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/wire"
)

// A Client is a user of a service. Its methods may be called by many goroutines.
type Client struct {
	opts      Options
	servers   *servers
	chroot    string
	cancel    context.CancelFunc // stops run
	stopped   chan struct{}      // closed when run has returned
	watches   watchTable
	calls     sync.Pool // of *call that nobody else knows any more
	callbacks callbacks

	// mu orders what concerns the connection: which there is, and what waits for one.
	// It is taken before a link's own.
	mu        sync.Mutex
	state     State
	last      StateChange
	listeners []*queue[StateChange]
	link      *link    // nil while there is none
	waiting   fifo     // calls without a connection
	session   *Session // there is, or was last
	resume    *Session // the next handshake is to go on with; nil asks for a new one
	fatal     error    // why the Client ended
	closing   bool     // by Close
	room      chan struct{}
	auth      []Auth

	// xid is that of the last request on any connection. They go on from one to the next:
	// servers tell a session's requests apart by them, also when one that was sent through
	// another connection is decided later. It is the run goroutine's.
	xid wire.Xid

	under  atomic.Int64 // calls that are not finished
	asked  atomic.Int64 // those of them that end in a callback
	untold atomic.Int64 // finished ones whose callback has not returned
	full   atomic.Bool  // somebody waits for room
	seen   atomic.Int64 // the newest zxid that an answer bore
}

// openPatience is how long Open looks for a server at least if nobody says how long.
const openPatience = 30 * time.Second

// Open connects to one of the servers, opens a session, and returns when there is one.
// servers is ZooKeeper's connect string: host:port pairs with commas between them, and
// optionally a path at the end, below which everything then happens. The context
// bounds Open, not what is done later; one without a deadline is given up after 30 s, or
// the session's timeout if that is longer.
func Open(ctx context.Context, servers string, o Options) (*Client, error) {
	list, chroot, err := parseServers(servers)
	if err != nil {
		return nil, &Error{Op: "open", Err: err}
	}
	run, cancel := context.WithCancel(context.Background())
	c := &Client{opts: o.withDefaults(list), servers: list, chroot: chroot, cancel: cancel, stopped: make(chan struct{})}
	c.auth = append(c.auth, o.Auth...)
	list.most = pauseFor(c.opts.SessionTimeout)
	opened := make(chan error, 1)
	go c.run(run, opened)
	if _, bounded := ctx.Deadline(); !bounded {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, max(c.opts.SessionTimeout, openPatience), ErrNoConnection)
		defer stop()
	}
	select {
	case err = <-opened:
	case <-ctx.Done():
		c.end(context.Cause(ctx))
		err = c.servers.because(context.Cause(ctx))
	}
	if err != nil {
		c.end(err)
		return nil, &Error{Op: "open", Path: servers, Err: err}
	}
	return c, nil
}

// Session is the session there is, or was last. Ephemeral nodes made now belong to it,
// unless it ends first.
func (c *Client) Session() *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Close ends the session, so that its ephemeral nodes go at once, and with it the
// Client; Session.Done is closed before the service hears of it. Calls under way fail with
// ErrClosed, or with ErrConnectionLost if they are writes that were sent and may have
// happened. If no server is there to be told, the session runs into its timeout.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var err error
	if c.beginClose() {
		err = c.just(ctx, c.newCall(wire.OpCloseSession, ""))
		for _, fine := range []error{ErrConnectionLost, ErrSessionExpired, ErrClosed} {
			err = unless(err, fine) // a server may close the connection before it is read from
		}
	}
	c.end(ErrClosed)
	return err
}

// beginClose ends the session for all who depend on it, and reports whether there is a
// server to be told.
func (c *Client) beginClose() (connected bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	if c.link == nil {
		return false
	}
	c.session.end()
	return true
}

// end stops everything, and returns when nothing runs any more.
func (c *Client) end(why error) {
	c.mu.Lock()
	if c.fatal == nil {
		c.fatal = why
	}
	c.mu.Unlock()
	c.cancel()
	<-c.stopped
}

// submit gives a call its place: on the connection, or in the queue for the next.
func (c *Client) submit(ctx context.Context, k *call) error {
	if c.opts.Metrics != nil {
		k.began = time.Now()
	}
	if n := len(k.frame) - lengthLen; n > c.opts.MaxRequest {
		return &SizeError{n, c.opts.MaxRequest}
	}
	for {
		wait, err := c.trySubmit(k, wanted(ctx))
		if wait == nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// trySubmit is submit unless there are too many calls: then it returns what is closed
// when there may be fewer.
func (c *Client) trySubmit(k *call, in *Session) (wait <-chan struct{}, err error) {
	c.mu.Lock()
	if c.fatal != nil {
		c.mu.Unlock()
		return nil, c.fatal
	}
	if in != nil && (in != c.session || !in.Alive()) {
		c.mu.Unlock()
		return nil, ErrSessionExpired
	}
	if k.op != wire.OpCloseSession && c.crowded(k) {
		defer c.mu.Unlock()
		return c.roomLocked(k), nil
	}
	c.under.Add(1)
	if k.tells {
		c.asked.Add(1)
	}
	k.in = in
	if k.before != nil {
		k.before()
		k.before = nil
	}
	l := c.link
	if l == nil {
		c.queueLocked(k)
		c.mu.Unlock()
		return nil, nil
	}
	write := c.sendLocked(l, k)
	c.mu.Unlock()
	if write {
		l.writeOnce()
	}
	return nil, nil
}

// crowded reports whether a call has to wait for its turn: because of too many others
// under way, or, if it ends in a callback, because of too many that were not called yet.
// As it may be made by one that all those wait for, it does not wait for them when no call
// is under way whose end would bring on another.
func (c *Client) crowded(k *call) bool {
	most := int64(c.opts.MaxCalls)
	if c.under.Load() >= most {
		return true
	}
	asked := c.asked.Load()
	return k.tells && asked > 0 && asked+c.untold.Load() >= most
}

// roomLocked is closed when a call ends, or its callback has returned.
func (c *Client) roomLocked(k *call) <-chan struct{} {
	if c.room == nil {
		c.room = make(chan struct{})
		c.full.Store(true)
	}
	if !c.crowded(k) { // one ended before it could know
		close(c.room)
		r := c.room
		c.room = nil
		c.full.Store(false)
		return r
	}
	return c.room
}

// sendLocked appends a call to a link, or to those that wait if the link is broken.
func (c *Client) sendLocked(l *link, k *call) (write bool) {
	write, err := l.add(k, c.opts.Linearizable)
	if err != nil {
		c.queueLocked(k)
	}
	return write
}

// postLocked is sendLocked for those who do not write.
func (c *Client) postLocked(l *link, k *call) {
	if c.sendLocked(l, k) {
		l.wake <- struct{}{} // in place of the caller; never blocks, as nobody else was writing
	}
}

func (c *Client) queueLocked(k *call) {
	k.queued = time.Now()
	c.waiting.push(k)
}

// finish ends a call: with its answer, or with k.err.
func (c *Client) finish(k *call) {
	if k.op == wire.OpCloseSession { // no other session is opened behind this one
		c.giveUp(ErrClosed)
		c.cancel()
	}
	if k.tells {
		c.untold.Add(1) // first: at no time it counts as neither
		c.asked.Add(-1)
	}
	if !k.hidden {
		c.under.Add(-1)
		c.makeRoom()
	}
	k.finish()
}

// makeRoom lets those try again who found too many calls under way.
func (c *Client) makeRoom() {
	if !c.full.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.room != nil {
		close(c.room)
		c.room = nil
		c.full.Store(false)
	}
}

func (c *Client) fail(calls []*call, err error) {
	for _, k := range calls {
		k.err = err
		c.finish(k)
	}
}

// failWaiting ends the calls that wait for a connection and meet the condition.
func (c *Client) failWaiting(which func(*call) bool, err error) {
	c.mu.Lock()
	var failed []*call
	for _, k := range c.waiting.drain() {
		if which(k) {
			failed = append(failed, k)
		} else {
			c.waiting.push(k)
		}
	}
	c.mu.Unlock()
	c.fail(failed, err)
}

func all(*call) bool { return true }

// AddAuth takes an identity, on this connection and all later ones.
func (c *Client) AddAuth(ctx context.Context, a Auth) error {
	req := wire.AuthRequest{Scheme: a.Scheme, Auth: a.Data}
	k := c.newCall(wire.OpAuth, "")
	k.frame = req.AppendTo(k.frame)
	k.auth = &a
	return c.just(ctx, k)
}

// takeIdentity has an identity proved on all later connections. Whoever reads its answer
// calls it, so that the next connection cannot come before.
func (c *Client) takeIdentity(a Auth) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.auth = append(c.auth, a)
}

// parseServers reads a connect string.
func parseServers(s string) (list *servers, chroot string, err error) {
	if scheme, _, is := strings.Cut(s, "://"); is {
		return nil, "", fmt.Errorf("%w, without %s://", ErrNoServers, scheme)
	}
	hosts, path, found := strings.Cut(s, "/")
	if found && path != "" {
		chroot = "/" + path
		if !wire.ValidPath(chroot) {
			return nil, "", &PathError{}
		}
	}
	list, err = newServers(strings.Split(hosts, ","))
	return list, chroot, err
}
