package bench

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/zabra/zabra/wire"
)

// A loop is a share of the run's connections, stepped by one driver, one step
// at a time: it fills every connection's window, matches replies, and counts.
// All times are nanoseconds since the run began.
type loop struct {
	conns       []*conn
	work        workload
	outstanding int
	fragile     bool // one lost connection ends the run
	patient     bool // nothing under way does not mean that the run is over
	pingAfter   int64

	limit    int64   // requests to make; 0 is no limit
	interval float64 // between requests; 0 is no rate limit
	due      float64 // when the next request is due, with an interval
	cursor   int     // whose turn it is, with an interval

	clock      int64  // the time of this step
	start, end int64  // what is answered between them is measured
	closing    bool   // no new requests
	leaving    bool   // the sessions are being closed
	leftAt     int64  // since then
	finished   func() // called once, when the load is over
	nextTick   int64

	// send hands bytes to the connection's socket; it never blocks. What the
	// socket does not take it leaves in conn.out, until when nothing more is
	// made for the connection.
	send    func(c *conn, b []byte)
	scratch []byte
	kicked  []*conn

	started    int64
	inflight   int
	awaited    int   // events yet to come
	first      int64 // when the first counted operation was due
	last       int64 // when the last was answered
	hist       [2]Histogram
	errors     map[wire.Code]uint64
	lost       int // connections
	lostOps    int // requests under way on them
	failure    error
	ops, fails atomic.Uint64 // answered since the beginning, for progress
}

// The histograms of a loop.
const (
	histReads = iota
	histWrites
)

func newLoop(conns []*conn, work workload, outstanding int) *loop {
	return &loop{
		conns:       conns,
		work:        work,
		outstanding: outstanding,
		end:         math.MaxInt64,
		pingAfter:   math.MaxInt64,
		first:       math.MaxInt64,
		errors:      map[wire.Code]uint64{},
	}
}

// begin makes the first requests.
func (l *loop) begin(now int64) {
	l.clock, l.nextTick = now, now+tickEvery
	l.due = float64(now)
	l.fillAll()
}

// arrived takes what a connection received.
func (l *loop) arrived(c *conn, data []byte, now int64) {
	l.clock = now
	if c.dead != nil {
		return
	}
	if err := c.frames(data, func(f []byte) error { return l.frame(c, f) }); err != nil {
		l.lose(c, err)
		return
	}
	l.fill(c)
	l.fillKicked()
}

// writable tells that c.out is empty again.
func (l *loop) writable(c *conn, now int64) {
	l.clock = now
	l.fill(c)
}

func (l *loop) frame(c *conn, f []byte) error {
	var h wire.ReplyHeader
	d := wire.NewDecoder(f)
	if h.DecodeFrom(&d); d.Err() != nil {
		return fmt.Errorf("reply header: %w", d.Err())
	}
	switch h.Xid {
	case wire.XidPing:
		return nil
	case wire.XidNotification:
		if l.leaving {
			return nil
		}
		return l.work.event(l, c, l.clock)
	}
	s, err := c.take(h)
	if err != nil {
		return err
	}
	l.inflight--
	return l.answered(c, s, h.Err, d.Rest())
}

func (l *loop) answered(c *conn, s sent, code wire.Code, body []byte) error {
	if s.op == wire.OpCloseSession {
		c.dead = errLeft
		return nil
	}
	if code != wire.OK {
		l.fail(code)
		return nil
	}
	counts, err := l.work.reply(l, c, s.op, body)
	if code, ok := err.(wire.Code); ok {
		l.fail(code)
		return nil
	}
	if counts {
		l.record(l.clock, s.at, s.op)
	}
	return err
}

func (l *loop) fail(code wire.Code) {
	l.errors[code]++
	l.fails.Store(l.fails.Load() + 1)
}

// record counts an operation that was due at `at` and is done now.
func (l *loop) record(now, at int64, op wire.OpCode) {
	l.ops.Store(l.ops.Load() + 1)
	if now < l.start || now >= l.end {
		return
	}
	kind := histWrites
	if op == wire.OpGetData {
		kind = histReads
	}
	l.hist[kind].Add(now - at)
	l.first = min(l.first, at)
	l.last = now
}

// fill makes requests for c until its window is full.
func (l *loop) fill(c *conn) {
	b := l.scratch[:0]
	for l.mayAsk(c) {
		next, ok := l.request(c, b)
		if !ok {
			break
		}
		if b = next; len(b) >= maxBatch {
			l.send(c, b)
			b = b[:0]
		}
	}
	l.scratch = b
	if len(b) > 0 {
		l.send(c, b)
	}
}

// maxBatch is how many bytes of requests are made before they are sent.
const maxBatch = 256 << 10

func (l *loop) mayAsk(c *conn) bool {
	return !l.closing && c.dead == nil && len(c.out) == 0 && c.pending.n < l.outstanding &&
		(l.limit == 0 || l.started < l.limit) &&
		(l.interval == 0 || l.due <= float64(l.clock))
}

func (l *loop) request(c *conn, b []byte) ([]byte, bool) {
	b, mark := c.request(b)
	b, op, ok := l.work.next(l, c, b)
	if !ok {
		return b[:mark], false
	}
	at := l.clock
	if l.interval > 0 {
		at = int64(l.due)
		l.due += l.interval
	}
	c.seq++
	l.started++
	l.inflight++
	return c.endRequest(b, mark, op, at, l.clock), true
}

// kick has c filled at the end of the step.
func (l *loop) kick(c *conn) { l.kicked = append(l.kicked, c) }

func (l *loop) fillKicked() {
	for len(l.kicked) > 0 {
		c := l.kicked[len(l.kicked)-1]
		l.kicked = l.kicked[:len(l.kicked)-1]
		l.fill(c)
	}
}

// fillAll gives every connection what it may ask; with a rate limit, one
// request each in turns, as long as requests are due.
func (l *loop) fillAll() {
	if l.interval == 0 {
		for _, c := range l.conns {
			l.fill(c)
		}
		return
	}
	for idle := 0; idle < len(l.conns) && l.due <= float64(l.clock); {
		c := l.conns[l.cursor]
		l.cursor = (l.cursor + 1) % len(l.conns)
		idle++
		if !l.mayAsk(c) {
			continue
		}
		if b, ok := l.request(c, l.scratch[:0]); ok {
			l.scratch = b
			l.send(c, b)
			idle = 0
		}
	}
}

// tickEvery is how often a loop looks after its pings and its end.
const tickEvery = 20e6

// tick does what time alone brings: pings, requests that are due, the end.
func (l *loop) tick(now int64) {
	l.clock = now
	if l.interval > 0 {
		l.fillAll()
	}
	if now < l.nextTick {
		return
	}
	l.nextTick = now + tickEvery
	if now >= l.end {
		l.closing = true
	}
	l.ping()
}

func (l *loop) ping() {
	for _, c := range l.conns {
		if c.dead == nil && len(c.out) == 0 && l.clock-c.lastOut >= l.pingAfter {
			l.send(c, c.appendPing(l.scratch[:0], l.clock))
		}
	}
}

// stop ends the measuring now: what is under way is waited for.
func (l *loop) stop(now int64) {
	l.end = min(l.end, now)
	l.closing = true
}

// done reports that the load is over, every session has been closed, and
// nothing is under way.
func (l *loop) done() bool {
	if !l.leaving {
		if !l.loadOver() {
			return false
		}
		l.leave()
	}
	return l.inflight == 0
}

// loadOver reports that nothing is under way and nothing will be asked.
func (l *loop) loadOver() bool {
	switch {
	case l.inflight > 0, l.awaited > 0:
		return false
	case l.closing, l.lost == len(l.conns):
		return true
	case l.patient, l.interval > 0 && (l.limit == 0 || l.started < l.limit):
		return false
	}
	l.fillAll()
	return l.inflight == 0
}

// leave asks the server to end the sessions.
func (l *loop) leave() {
	l.closing, l.leaving, l.leftAt = true, true, l.clock
	if l.finished != nil {
		l.finished()
	}
	for _, c := range l.conns {
		if c.dead != nil {
			continue
		}
		b, mark := c.request(l.scratch[:0])
		l.inflight++
		l.send(c, c.endRequest(b, mark, wire.OpCloseSession, l.clock, l.clock))
	}
}

// Bounds of the waiting at the end, in nanoseconds.
const (
	drainTime = 10e9 // for what is under way when the run ends
	leaveTime = 5e9  // for the sessions to be closed
)

// overdue reports that the server has had its time to answer.
func (l *loop) overdue(now int64) bool {
	if l.leaving {
		return now-l.leftAt > leaveTime
	}
	return l.closing && now > l.end && now-l.end > drainTime
}

// errLeft is why a connection is dead whose session was closed in good order.
var errLeft = errors.New("session closed")

// lose gives a connection up.
func (l *loop) lose(c *conn, err error) {
	if c.dead != nil {
		return
	}
	c.dead = err
	l.inflight -= c.pending.n
	if l.leaving {
		return
	}
	if l.failure == nil {
		l.failure = fmt.Errorf("session %v: %w", c.session, err)
	}
	l.lost++
	l.lostOps += c.pending.n
	if l.fragile {
		l.awaited = 0
		l.stop(l.clock)
	}
}
