package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// Each client may leave MaxOutbox unread, and many such clients could take all the
// memory there is. So what waits is also counted over all of them: what a peer was
// too slow for, and boxes above countFrom. Everything else is on its way and is not
// counted, so that ordinary traffic touches no counter; and the counter has stripes.

// ErrUnsentTotal says that too many bytes wait for all clients together, and most
// of them for this one. It ends the connection.
var ErrUnsentTotal = errors.New("pipeline: the clients together do not read what they are sent, and this one least of all")

const (
	countFrom      = 256 << 10 // a box that large counts although its peer may be reading
	countEvery     = 64 << 10  // growth after which it is counted anew
	countEverySlow = 4 << 10   // the same for a peer that is too slow
)

// unsent is the sum of what waits for all clients.
type unsent struct {
	stripes  []unsentStripe
	shedding atomic.Bool
}

type unsentStripe struct {
	bytes atomic.Int64
	_     [56]byte // one cache line each
}

func newUnsent(stripes int) unsent { return unsent{stripes: make([]unsentStripe, max(stripes, 1))} }

func (u *unsent) add(stripe, n int) { u.stripes[stripe%len(u.stripes)].bytes.Add(int64(n)) }

func (u *unsent) sum() (n int64) {
	for i := range u.stripes {
		n += u.stripes[i].bytes.Load()
	}
	return n
}

// Unsent is the number of bytes that wait for clients that are slow to read, and in
// large replies that are being written.
func (c *Core) Unsent() int64 { return c.unsent.sum() }

// recount counts what waits for the client. The caller holds mu.
func (c *Client) recount() {
	n := c.mu.sending + len(c.mu.out)
	switch {
	case c.mu.dead || c.mu.sending == 0 && n < countFrom:
		n, c.mu.countAt = 0, countFrom
	case c.mu.sending > 0:
		c.mu.countAt = len(c.mu.out) + countEverySlow
	default:
		c.mu.countAt = len(c.mu.out) + countEvery
	}
	more := n - int(c.unsent.Swap(int64(n)))
	if more == 0 {
		return
	}
	c.core.unsent.add(c.stripe, more)
	if more >= countEverySlow { // tick sees to the rest
		c.core.boundUnsent()
	}
}

// stuck counts what a write that has to wait has left, nothing once it is done. The
// caller holds mu.
func (c *Client) stuck(bytes int) {
	if c.mu.sending == 0 && bytes == 0 && c.unsent.Load() == 0 {
		return
	}
	c.mu.sending = bytes
	c.recount()
}

// boundUnsent sees to it that not too much waits in all.
func (c *Core) boundUnsent() {
	if c.unsent.sum() > c.opts.MaxUnsentTotal && c.unsent.shedding.CompareAndSwap(false, true) {
		c.apart(c.shed) // not here, where locks are held
	}
}

// shed drops the clients for which most waits until it is little enough in all.
func (c *Core) shed() {
	clients := c.clients.list()
	slow := make([]waiting, 0, len(clients))
	for _, cl := range clients {
		if n := cl.unsent.Load(); n > 0 {
			slow = append(slow, waiting{cl, n})
		}
	}
	slices.SortFunc(slow, func(a, b waiting) int { return cmp.Compare(b.bytes, a.bytes) })
	for _, w := range slow {
		if c.unsent.sum() <= c.opts.MaxUnsentTotal {
			break
		}
		w.cl.Kill(fmt.Errorf("%w: %d bytes", ErrUnsentTotal, w.bytes))
	}
	c.unsent.shedding.Store(false)
}

// waiting is what waits for a client, as of one moment.
type waiting struct {
	cl    *Client
	bytes int64
}
