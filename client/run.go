package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/zabra/zabra/wire"
)

// errOver says that a server answered that the session is over.
var errOver = errors.New("the server says that the session is over")

// errPending is why there is no connection to a server that was not waited for any longer.
var errPending = errors.New("no answer so far")

// lasting is how long a connection holds that is no part of a row of failures: when it
// breaks, the next one is tried for without a pause.
const lasting = time.Second

// run keeps a connection until the context ends. It tells opened what the first attempt
// to end well or for good led to.
func (c *Client) run(ctx context.Context, opened chan<- error) {
	defer close(c.stopped)
	defer c.shut()
	tell := func(err error) {
		if opened != nil {
			opened <- err // which has room for one
			opened = nil
		}
	}
	for ctx.Err() == nil {
		l, err := c.connect(ctx)
		switch {
		case errors.Is(err, ErrAuthFailed):
			c.giveUp(err)
			tell(err)
			return
		case err != nil:
			continue
		}
		tell(nil)
		err = c.serve(ctx, l)
		c.disconnected(l, err)
		if time.Since(l.born) >= lasting {
			c.servers.good()
		} else {
			c.servers.err = fmt.Errorf("%s: %w", l.server, err)
		}
		if errors.Is(err, errSilent) {
			c.servers.fellSilent()
		}
		c.expireWaiting()
	}
}

// shut ends what is left when run returns.
func (c *Client) shut() {
	c.mu.Lock()
	c.cancel()
	why := c.fatal
	if s := c.session; s != nil {
		s.end()
	}
	c.becomeLocked(Closed, "", why)
	c.mu.Unlock()
	c.failWaiting(all, why)
	c.watches.close()
}

// giveUp makes every call fail with err.
func (c *Client) giveUp(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fatal == nil {
		c.fatal = err
	}
}

// connect makes one attempt at one server.
func (c *Client) connect(run context.Context) (*link, error) {
	hostPort, pause := c.servers.next()
	if err := sleep(run, pause); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(run, c.opts.ConnectTimeout)
	defer cancel()
	t := c.resolve(ctx, hostPort)
	c.servers.addr = t.address
	l, err := c.open(ctx, t)
	if err != nil && run.Err() != nil { // the Client has ended, which says nothing about the server
		if c.servers.err == nil {
			c.servers.err = fmt.Errorf("%s: %w", t.address, errPending)
		}
		return nil, err
	}
	if err != nil {
		c.servers.err = fmt.Errorf("%s: %w", t.address, err)
		c.opts.Logger.Debug("no connection", "server", t.address, "error", err)
		if errors.Is(err, errOver) {
			c.servers.good() // it answers; a new session can be had at once
		}
		c.expireWaiting()
		return nil, err
	}
	return l, nil
}

// expireWaiting fails calls that have waited for longer than a session lasts. If the
// session has run out first, and its timer is late, that is why they fail.
func (c *Client) expireWaiting() {
	if s := c.Session(); s != nil {
		s.check()
	}
	before := time.Now().Add(-c.opts.SessionTimeout)
	c.failWaiting(func(k *call) bool { return k.queued.Before(before) }, c.servers.because(ErrNoConnection))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open dials, opens or takes up the session, and says who the client is.
func (c *Client) open(ctx context.Context, t target) (*link, error) {
	nc, err := c.dial(ctx, t)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	l := newLink(nc, t.address, c.opts.MaxReply)
	l.xid = c.xid
	s, err := c.handshake(ctx, l, t.host)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = c.install(l, s)
	}
	if err != nil {
		nc.Close()
		c.discard(s)
		c.xid = l.xid
		return nil, err
	}
	return l, nil
}

// discard ends a session that was opened on a connection that did not come to be used.
// The service lets it run out.
func (c *Client) discard(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != nil && s != c.resume {
		s.end()
	}
}

func (c *Client) dial(ctx context.Context, t target) (net.Conn, error) {
	nc, err := c.opts.Dial(ctx, "tcp", t.address)
	if err != nil || c.opts.TLS == nil {
		return nc, err
	}
	cfg := c.opts.TLS
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = t.host
	}
	secure := tls.Client(nc, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

// handshake speaks for the session there is, or asks for a new one. A session that the
// client has given up already is closed if it is found to live, so that nothing of it
// is left.
func (c *Client) handshake(ctx context.Context, l *link, host string) (*Session, error) {
	c.mu.Lock()
	s, auth := c.resume, c.auth
	c.mu.Unlock()
	began := time.Now()
	resp, err := c.hello(l, s)
	if err != nil {
		return nil, err
	}
	l.readOnly = resp.ReadOnly
	granted := time.Duration(resp.Timeout) * time.Millisecond
	switch {
	case s == nil:
		s = newSession(resp.Session, bytes.Clone(resp.Passwd), granted, began, c.lost)
	case !s.Alive():
		c.forget(s)
		l.xid = max(l.xid+1, 1)
		_, err := l.nc.Write(appendRequest(nil, l.xid, wire.OpCloseSession, nil))
		if err == nil {
			_, _, err = l.readReply() // what comes later is later than its end
		}
		return nil, errors.Join(errOver, err)
	default:
		s.moved(began, granted)
	}
	if err := c.proveSASL(ctx, l, host); err != nil {
		return s, err
	}
	return s, c.authenticate(l, auth)
}

// hello exchanges the first frames.
func (c *Client) hello(l *link, s *Session) (resp wire.ConnectResponse, err error) {
	req := wire.ConnectRequest{
		LastZxidSeen: Zxid(c.seen.Load()), Timeout: int32(min(c.opts.SessionTimeout.Milliseconds(), 1<<31-1)),
		Passwd: zero[:], ReadOnly: c.opts.ReadOnly, HasReadOnly: true,
	}
	if s != nil {
		req.Session, req.Passwd = s.ID, s.passwd
	}
	b, mark := wire.BeginFrame(nil)
	if _, err := l.nc.Write(wire.EndFrame(req.AppendTo(b), mark)); err != nil {
		return resp, err
	}
	payload, err := l.readFrame()
	if err != nil {
		return resp, noGreeting(err)
	}
	d := wire.NewDecoder(payload)
	resp.DecodeFrom(&d)
	switch {
	case d.Err() != nil:
		return resp, &ProtocolError{What: strangeGreeting, Err: d.Err()}
	case resp.Session != 0 && resp.Timeout > 0:
		if s != nil && resp.Session != s.ID { // its ephemeral nodes would not be those of s
			if !s.Alive() {
				c.forget(s)
			}
			return resp, &ProtocolError{What: "answer to session " + s.ID.String(), Err: fmt.Errorf("it is for session %v", resp.Session)}
		}
		return resp, nil
	case s == nil:
		return resp, errors.New("the server refused a new session")
	}
	c.expire(s, errOver)
	c.forget(s)
	return resp, errOver
}

// strangeGreeting is what the first answer of something else is.
const strangeGreeting = "this is no ZooKeeper client port, or it wants TLS"

// noGreeting is why there was no first answer.
func noGreeting(err error) error {
	var strange *ProtocolError
	switch {
	case errors.As(err, &strange):
		return &ProtocolError{What: strangeGreeting, Err: strange.Err}
	case errors.Is(err, io.EOF):
		return errHungUp
	}
	return err
}

// errHungUp is what servers do that are not ready, and those that want TLS.
var errHungUp = errors.New("the server closed the connection: it does not serve, has too many connections, or wants TLS")

// authenticate takes the identities that were asked for.
func (c *Client) authenticate(l *link, auth []Auth) error {
	var b []byte
	for _, a := range auth {
		b = appendRequest(b, wire.XidAuth, wire.OpAuth, &wire.AuthRequest{Scheme: a.Scheme, Auth: a.Data})
	}
	if len(auth) == 0 {
		return nil
	}
	if _, err := l.nc.Write(b); err != nil {
		return err
	}
	for _, a := range auth {
		h, _, err := l.readReply()
		switch {
		case err != nil:
			return err
		case h.Err == wire.AuthFailed:
			return &AuthError{a.Scheme, l.server, h.Err}
		case h.Err != wire.OK:
			return h.Err
		}
	}
	return nil
}

// readReply reads an answer, before there can be events: its header, and what follows.
func (l *link) readReply() (h wire.ReplyHeader, d wire.Decoder, err error) {
	payload, err := l.readFrame()
	if err != nil {
		return h, d, err
	}
	d = wire.NewDecoder(payload)
	h.DecodeFrom(&d)
	if d.Err() != nil {
		err = &ProtocolError{What: "answer", Err: d.Err()}
	}
	return h, d, err
}

// install makes the link the one that calls are sent on: first the watches, then what
// waited. It fails if the session has run out since it was opened or taken up; from then
// on its end finds the link.
func (c *Client) install(l *link, s *Session) error {
	s.check() // its timer may be late
	c.mu.Lock()
	if !s.Alive() {
		c.mu.Unlock()
		return errOver
	}
	l.note(&l.heard)
	c.watches.gaps()
	l.out = c.watches.requests(l.out, Zxid(c.seen.Load()))
	c.session, c.resume, c.link = s, s, l
	left, over := c.postWaitingLocked(l)
	state := Connected
	if l.readOnly {
		state = ConnectedReadOnly
	}
	c.becomeLocked(state, l.server, nil)
	c.mu.Unlock()
	c.fail(left, ErrNoConnection) // nobody waits for them
	c.fail(over, ErrSessionExpired)
	c.opts.Logger.Info("connected", "server", l.server, "session", s.ID.String(), "timeout", s.patience())
	return nil
}

// postWaitingLocked sends what waited, but for calls whose callers have gone, and those
// that belong to a session before.
func (c *Client) postWaitingLocked(l *link) (left, over []*call) {
	for _, k := range c.waiting.drain() {
		switch {
		case k.left.Load():
			left = append(left, k)
		case k.in != nil && k.in != c.session:
			over = append(over, k)
		default:
			c.postLocked(l, k)
		}
	}
	l.flush()
	return left, over
}

// disconnected takes the link away. What was not sent, and reads, wait for the next,
// unless the session that they were asked for in is over.
func (c *Client) disconnected(l *link, why error) {
	c.mu.Lock()
	c.link = nil
	var failed, over []*call
	var again fifo
	now := time.Now()
	alive := c.session.Alive()
	sent, unsent := l.unanswered()
	c.xid = l.xid // nothing is added any more
	for i, k := range append(sent, unsent...) {
		written := i < len(sent)
		switch {
		case k.hidden:
		case written && !k.mayRepeat(why):
			failed = append(failed, k)
		case !alive:
			over = append(over, k)
		default:
			if written || k.queued.IsZero() { // else it has waited since before this link
				k.queued = now
			}
			again.push(k)
		}
	}
	for _, k := range c.waiting.drain() {
		again.push(k)
	}
	c.waiting = again
	if !c.closing {
		c.becomeLocked(Connecting, l.server, why)
	}
	end := ErrSessionExpired
	if c.closing {
		end = ErrClosed
	}
	c.mu.Unlock()
	c.fail(failed, lostBy(why))
	c.fail(over, end)
	c.opts.Logger.Info("disconnected", "server", l.server, "reason", why)
}

// Bounds of how often a read is sent again: whatever ends its connections may be its
// answer.
const (
	maxSends        = 10
	maxBrokenAnswer = 3 // when an answer could not be read
)

// mayRepeat says whether a call that was sent may be sent again.
func (k *call) mayRepeat(why error) bool {
	k.sends++
	var broken *ProtocolError
	if errors.As(why, &broken) {
		return k.again && k.sends < maxBrokenAnswer
	}
	return k.again && k.sends < maxSends
}

// lostBy is the error of calls that were sent when the connection broke.
func lostBy(why error) error {
	var broken *ProtocolError
	if errors.As(why, &broken) {
		return &LostError{broken}
	}
	return ErrConnectionLost
}

// lost is called when nothing was heard for as long as the session lasts.
func (c *Client) lost(s *Session) { c.expired(s, ErrNoConnection) }

// expire ends a session of which a server said that it is over.
func (c *Client) expire(s *Session, why error) {
	if s.end() {
		c.expired(s, why)
	}
}

// expired tells everybody that the session is over.
func (c *Client) expired(s *Session, why error) {
	c.mu.Lock()
	if c.session != s {
		c.mu.Unlock()
		return
	}
	if c.state != Closed {
		c.becomeLocked(Expired, "", why)
	}
	l := c.link
	c.mu.Unlock()
	if l != nil {
		l.kill(ErrSessionExpired) // it belongs to that session
	}
	// What was asked for when Done was closed already belongs to the next session.
	c.failWaiting(func(k *call) bool { return !k.queued.After(s.ended) }, ErrSessionExpired)
}

// forget makes the next handshake ask for a new session.
func (c *Client) forget(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resume == s {
		c.resume = nil
	}
}
