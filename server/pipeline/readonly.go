package pipeline

import (
	"errors"

	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// Errors that end connections to a server which has no quorum.
var (
	// ErrNotReadOnly says that the server serves only clients that are content with
	// reads, and this one is not.
	ErrNotReadOnly = errors.New("pipeline: the server is read-only, and the client wants to write")
	// ErrGlobalReadOnly says that a session of the ensemble cannot be resumed where
	// nobody knows whether it still lives.
	ErrGlobalReadOnly = errors.New("pipeline: the server is read-only and cannot resume a session of the ensemble")
	// ErrReadOnlyEnds says that the server has found a leader.
	ErrReadOnlyEnds = errors.New("pipeline: the server is read-only no longer")
)

// readOnly is the role of a member that looks for a leader, and meanwhile shows what
// it knows to be decided to clients that asked for no more. It proposes nothing and
// vouches for nothing; all sessions are local. Writes do not come this far: see
// Client.refusedReadOnly.
type readOnly struct{ *Core }

func (r readOnly) submit(req *Request) { r.spent(req, ErrNotReadOnly) }

func (r readOnly) resume(cl *Client, h *handshake) {
	switch {
	case r.sessionKnown(h.renew):
		close(h.done)
		cl.Kill(ErrGlobalReadOnly)
	case !h.valid || !r.local.has(h.renew):
		cl.refuseSession(h)
	default:
		r.resumeLocal(cl, h)
	}
}

func (readOnly) tick(int64) {}

func (readOnly) decides() bool { return false }

func (readOnly) applied(wire.TxnHeader, wire.Record, *wire.TxnDigest) {}

func (readOnly) flush() {}

// ErrUnsettled says that the tree may hold what is not decided.
var ErrUnsettled = errors.New("pipeline: the server was interrupted while it joined an epoch, and may hold what was never decided")

// replayStep is how many transactions are replayed before the core looks at what else
// there is.
const replayStep = 10_000

// ServeReadOnly lets a core without a role serve read-only clients, as soon as its tree
// holds what the log does up to decided. told is called on the core's goroutine, with
// an error if they are not served; not at all if the core is asked for something else
// before.
func (c *Core) ServeReadOnly(v Vault, decided wire.Zxid, told func(err error)) {
	c.inbox.put(message{call: func() {
		if c.role == nil {
			c.toBeReadOnly++
			c.readOnlyStep(c.toBeReadOnly, v, decided, told)
		}
	}})
}

func (c *Core) readOnlyStep(ask int, v Vault, decided wire.Zxid, told func(err error)) {
	if c.role != nil || c.toBeReadOnly != ask {
		return
	}
	if c.unsettled {
		told(ErrUnsettled)
		return
	}
	if after := c.tree.LastZxid(); after < decided {
		if err := c.replayUpTo(v, zab.Range{After: after, To: decided}, replayStep); err != nil {
			told(err)
			return
		}
		c.inbox.put(message{call: func() { c.readOnlyStep(ask, v, decided, told) }})
		return
	}
	c.role = readOnly{c}
	c.readOnly.Store(true)
	c.serve()
	told(nil)
}

// errEnough ends the reading of a log.
var errEnough = errors.New("pipeline: enough")

// replayUpTo replays at most n transactions.
func (c *Core) replayUpTo(v Vault, r zab.Range, n int) error {
	err := v.Read(r, func(z wire.Zxid, raw []byte) error {
		if n--; n < 0 {
			return errEnough
		}
		return c.replayOne(z, raw)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// EndReadOnly ends that, also before it has begun. All its clients are dropped before
// anything that the caller asks of the core next.
func (c *Core) EndReadOnly() {
	c.inbox.put(message{call: func() {
		c.toBeReadOnly++
		if _, ok := c.role.(readOnly); ok {
			c.leave(ErrReadOnlyEnds)
			c.readOnly.Store(false)
		}
	}})
}

// ReadOnly reports whether only read-only clients are served.
func (c *Core) ReadOnly() bool { return c.readOnly.Load() }

// bars reports whether a client that is to open or to resume a session here is turned
// away, and ends its connection if so; else it notes what the client may do.
func (c *Core) bars(cl *Client, h *handshake) bool {
	_, h.readOnly = c.role.(readOnly)
	if h.readOnly && !h.canBeReadOnly {
		close(h.done)
		cl.Kill(ErrNotReadOnly)
		return true
	}
	cl.mu.Lock()
	cl.mu.readOnly = h.readOnly
	cl.mu.Unlock()
	return false
}
