package client

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/zabra/zabra/wire"
)

var (
	errSilent = errors.New("the server was silent for too long")
	errQuorum = errors.New("there is a server that has a quorum")
	errIdle   = errors.New("the server answers pings, and requests not at all")
)

// serve works a link until it is dead, and says why.
func (c *Client) serve(ctx context.Context, l *link) error {
	var wg sync.WaitGroup
	wg.Go(l.writes)
	wg.Go(func() { l.kill(c.reads(l)) })
	seeking, stop := context.WithCancel(ctx)
	if l.readOnly {
		wg.Go(func() { c.seekQuorum(seeking, l) })
	}
	c.watchOver(ctx, l)
	stop() // servers that do not answer must not delay the next connection
	wg.Wait()
	return l.err
}

// watchOver keeps the session alive, and ends a link that is silent.
func (c *Client) watchOver(ctx context.Context, l *link) {
	timeout := c.Session().patience()
	t := time.NewTicker(max(timeout/12, time.Millisecond))
	defer t.Stop()
	idle := idleness{moved: time.Now()}
	for {
		select {
		case <-l.dead:
			return
		case <-ctx.Done():
			l.kill(ErrClosed)
			return
		case <-t.C:
			if l.since(&l.heard) > timeout*2/3 {
				l.kill(errSilent)
			}
			if idle.since(l) > c.opts.AnswerTimeout {
				l.kill(errIdle)
			}
			if l.since(&l.sent) >= timeout/3 {
				l.ping()
			}
		}
	}
}

// An idleness sees for how long a server has answered nothing that it was asked.
type idleness struct {
	answers int
	moved   time.Time
}

func (i *idleness) since(l *link) time.Duration {
	answers, waits := l.progress()
	if now := time.Now(); !waits || answers != i.answers {
		i.answers, i.moved = answers, now
	}
	return time.Since(i.moved)
}

// reads takes answers and events until the link is dead.
func (c *Client) reads(l *link) error {
	s := c.Session()
	return l.frames(func(payload []byte) error {
		var h wire.ReplyHeader
		d := wire.NewDecoder(payload)
		h.DecodeFrom(&d)
		if d.Err() != nil {
			return &ProtocolError{What: "answer", Err: d.Err()}
		}
		switch h.Xid {
		case wire.XidPing:
			s.touch(l.ponged())
			return nil
		case wire.XidNotification:
			return c.event(h, &d)
		case wire.XidSetWatches:
			if h.Err != wire.OK {
				return &ProtocolError{What: "answer to setWatches2", Err: h.Err}
			}
			return nil
		}
		return c.reply(l, s, h, d.Rest())
	})
}

// reply gives an answer to its call.
func (c *Client) reply(l *link, s *Session, h wire.ReplyHeader, body []byte) error {
	k, proof, err := l.answered(h.Xid)
	if err != nil {
		return err
	}
	if !proof.IsZero() {
		s.touch(proof)
	}
	if int64(h.Zxid) > c.seen.Load() {
		c.seen.Store(int64(h.Zxid))
	}
	k.answer(body, h.Err)
	if k.auth != nil && h.Err == wire.OK {
		c.takeIdentity(*k.auth)
	}
	if k.watch != nil {
		k.watch.set(k.op, h.Err)
	}
	c.finish(k)
	return nil
}

// event gives a notification to those who watch.
func (c *Client) event(h wire.ReplyHeader, d *wire.Decoder) error {
	var ev wire.WatcherEvent
	ev.DecodeFrom(d)
	if d.Err() != nil {
		return &ProtocolError{What: "event", Err: d.Err()}
	}
	path := strings.Clone(ev.Path)
	if c.opts.Metrics != nil {
		c.opts.Metrics.Event(EventType(ev.Type))
	}
	c.watches.dispatch(ev.Type, path, Event{Type: EventType(ev.Type), Path: c.outside(path), Zxid: h.Zxid})
	return nil
}

// Bounds of the pause between two looks for a server with a quorum.
const (
	firstSeek = 100 * time.Millisecond
	maxSeek   = 10 * time.Second
)

// seekQuorum looks for a server that is not read-only, and gives the link up for it.
func (c *Client) seekQuorum(ctx context.Context, l *link) {
	for pause := firstSeek; ; pause = min(2*pause, maxSeek) {
		select {
		case <-l.dead:
			return
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		for _, host := range c.servers.hosts {
			if c.hasQuorum(ctx, host) {
				l.kill(errQuorum)
				return
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// hasQuorum asks a server whether it serves writes.
func (c *Client) hasQuorum(ctx context.Context, host string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	nc, err := c.dial(ctx, c.resolve(ctx, host))
	if err != nil {
		return false
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })()
	if _, err := nc.Write([]byte("isro")); err != nil {
		return false
	}
	var answer [2]byte
	n, _ := io.ReadFull(nc, answer[:])
	return string(answer[:n]) == "rw"
}
