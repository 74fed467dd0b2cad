package pipeline

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/watch"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A Log keeps transactions. Its methods are called by one goroutine at a time.
type Log interface {
	// Append writes transactions, which are durable only after the next Sync. It
	// is called again after an error that wraps ErrNoSpace; any other is final.
	Append(txns []zab.Txn) error
	// Sync makes everything appended durable. After an error nothing may be
	// acknowledged any more.
	Sync() error
	// Settle is called when nothing was appended for a moment.
	Settle() error
}

// Events are what an operator should hear of. Every field must be set.
type Events struct {
	ClientDropped  func(addr string, s wire.SessionID, why error)
	SessionExpired func(s wire.SessionID, timeout int32)
	SoftQuota      func(QuotaWarning)
	AuthFailed     func(addr, scheme string, more int64) // and so many more since this was called last
	Applied        func(z wire.Zxid, ops, bytes int)     // a transaction of so many operations was applied; called with the tree locked

	SessionUpgraded func(s wire.SessionID) // it was local
}

// A Core runs the requests of a server's clients: each becomes a transaction, is
// logged and synced by a quorum, applied and answered. What the server's part in
// that is, its role says. One goroutine at a time owns the preparation, the sessions and
// the order of everything; the tree may be read by anybody who holds its lock.
type Core struct {
	opts    Options
	tree    *datatree.Tree
	lock    *treeLock
	schemes *auth.Schemes
	metrics *metrics.Metrics
	events  Events
	log     Log
	watches *watchSet
	bell    bell // for the hands
	inbox   *inbox[message]
	writer  *logWriter
	flush   *flushers
	apart   func(f func()) // runs f on another goroutine

	failures    seldom        // of clients that could not authenticate
	stopped     chan struct{} // closed when Run returns
	large       atomic.Int64  // bytes of large requests under way
	outstanding atomic.Int64  // requests submitted and not answered
	unsent      unsent
	clients     clientTable

	ticked  atomic.Bool // a tick is in the inbox
	turning sync.Mutex  // held by the hand that has the core; see hands

	// What follows belongs to that hand.
	msgs     []message // spare
	crowded  bool      // more than one message came last time
	leaving  bool      // Run ends when nothing is under way
	running  bool      // else nothing is done any more, or yet, or a Stepped is moved by hand
	failure  error     // why it does not any more
	prep     *Preparer
	tracker  *session.Tracker
	ids      session.IDs
	due      []wire.SessionID
	local    localSessions
	owners   map[wire.SessionID]*Client
	inflight fifo[proposal]
	batch    []zab.Txn
	role     role      // nil while a member of an ensemble has none
	decided  wire.Zxid // everything up to here is durable, here or in a quorum
	written  run       // within one round of commits
	applied  int64     // transactions, within one round of commits
	dirty    []*Client
	woke     time.Duration     // when the core woke last: what it does then happens at once
	wall     time.Time         // the same by the wall clock
	clock    time.Duration     // when the current batch of commits began
	watchers []watch.WatcherID // scratch
	nextReap int64
	lastTick int64          // when sessions were looked at last, milliseconds
	excused  bool           // expiry was put off then
	paused   []func() error // wait until nothing is under way; see Replace
	held     []*Request     // came while paused was not empty, or full
	full     bool           // the log waits for room on its disk

	confirmed uint64      // the last sync of a leader's clients that a quorum has confirmed
	unsettled bool        // the tree was received from a leader that has not said yet that all of it is decided
	serving   atomic.Bool // see Serving

	toBeReadOnly int         // times that this was asked for or taken back
	readOnly     atomic.Bool // see ReadOnly
}

// A message is something for the core's goroutine: a request, news from the
// log, or a function to run between two batches.
type message struct {
	req     *Request
	decided wire.Zxid
	err     error // the log's failure
	call    func()
}

// A proposal is a request on its way: its transaction, or for a sync none, and
// the zxid that must be durable before it is answered.
type proposal struct {
	zxid wire.Zxid
	sync uint64 // the number of a sync that a quorum has to confirm
	txn  wire.Txn
	req  *Request
	at   time.Duration // when it was proposed, on the core's clock
	node datatree.Node // see Preparer.Found
}

// New returns a core over a tree that stands where the log ends.
func New(tree *datatree.Tree, log Log, schemes *auth.Schemes, m *metrics.Metrics, ev Events, o Options) *Core {
	o.setDefaults()
	wake := newBell()
	c := &Core{
		opts: o, tree: tree, lock: newTreeLock(o.Readers), schemes: schemes, metrics: m, events: ev, log: log,
		watches: newWatchSet(), bell: wake, inbox: newInbox[message](wake), stopped: make(chan struct{}), apart: func(f func()) { go f() },
		prep: NewPreparer(tree, schemes, o.Prepare), owners: map[wire.SessionID]*Client{},
		tracker: session.NewTracker(o.Tick.Milliseconds()), ids: session.NewIDs(o.ServerID, o.Clock.Wall().UnixMilli()),
		decided: tree.LastZxid(), unsettled: o.Unsettled,
	}
	c.look()
	if !o.Member {
		c.role = alone{c}
		c.serving.Store(true)
	}
	c.unsent = newUnsent(o.Readers)
	c.writer = newLogWriter(c)
	c.flush = newFlushers(c, o.Readers)
	c.nextReap = o.ReapInterval.Milliseconds()
	for id, timeout := range tree.Sessions() {
		c.tracker.Add(id, timeout, c.millis())
	}
	return c
}

// Now is the core's clock. It is monotonic, so a step of the wall clock expires
// nobody.
func (c *Core) Now() time.Duration { return c.opts.Clock.Elapsed() }

// millis is Now in the unit of sessions.
func (c *Core) millis() int64 { return c.Now().Milliseconds() }

// turn takes what has come in, and does what follows from it. It returns what held
// that, to be used again.
func (c *Core) turn(msgs []message, tick bool) ([]message, error) {
	c.look()
	if tick {
		c.tick()
	}
	msgs = c.inbox.take(msgs)
	c.crowded = len(msgs) > 1
	return msgs, c.step(msgs)
}

// look looks at the clocks.
func (c *Core) look() { c.woke, c.wall = c.Now(), c.opts.Clock.Wall() }

// tickInterval is how often expiry is looked at: often enough that a session
// ends within its bucket.
func (c *Core) tickInterval() time.Duration { return max(c.opts.Tick/4, time.Millisecond) }

// step takes one batch: it proposes the requests, hands the new transactions to
// the log as one batch, and applies what has become durable.
func (c *Core) step(msgs []message) error {
	began, first := c.Now(), c.prep.LastZxid()
	for i := range msgs {
		m := &msgs[i]
		switch {
		case m.req != nil:
			c.propose(m.req)
		case m.call != nil:
			m.call()
		case m.err != nil:
			return m.err
		default:
			c.decided = max(c.decided, m.decided)
		}
	}
	c.countPrepared(int64(c.prep.LastZxid()-first), len(msgs), began)
	c.drive()
	c.commit()
	return c.resumeIfIdle()
}

// drive lets the role hand on what has gathered.
func (c *Core) drive() {
	if c.role != nil {
		c.role.flush()
	}
}

// submit sends writes on their way. Any goroutine may call it.
func (c *Core) submit(reqs []*Request) {
	if len(reqs) == 0 {
		return
	}
	c.outstanding.Add(int64(len(reqs)))
	c.inbox.layAll(len(reqs), func(i int) message { return message{req: reqs[i]} })
	c.inbox.ring()
}

// Call runs f on the core's goroutine, between two batches, and returns when it
// has run. It returns false when the core has stopped.
func (c *Core) Call(f func()) bool {
	ran := make(chan struct{})
	c.inbox.put(message{call: func() { f(); close(ran) }})
	select {
	case <-ran:
		return true
	case <-c.stopped:
		return false
	}
}

// View runs f while the tree does not change. f must not keep what the tree
// returned.
func (c *Core) View(f func(t *datatree.Tree)) {
	lock := c.lock.reader(0)
	lock.RLock()
	defer lock.RUnlock()
	f(c.tree)
}

// Exclusive runs f while nobody reads or changes the tree; it must be short.
func (c *Core) Exclusive(f func(t *datatree.Tree)) {
	c.lock.Lock()
	defer c.lock.Unlock()
	f(c.tree)
}

// Outstanding is the number of requests submitted and not answered.
func (c *Core) Outstanding() int64 { return c.outstanding.Load() }
