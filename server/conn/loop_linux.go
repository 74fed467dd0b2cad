package conn

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/zabra/zabra/server/pipeline"
	"go.uber.org/zap"
)

// A loop is one goroutine that serves many connections. Each wake-up gives every
// connection that has something one turn, hands all their writes to the core as one
// batch, and then writes the replies. Nothing in it waits but for its epoll set.
//
// The set is in the runtime's poller, as a file that becomes readable: the goroutine
// parks like any other and holds no thread. A thread of its own, in epoll_wait, would be
// a long system call to the scheduler and cost a hand-over at every wake-up.
type loop struct {
	core  *pipeline.Core
	set   *os.File // the epoll set
	raw   syscall.RawConn
	ready func(fd uintptr) bool
	found []unix.EpollEvent
	n     int // how many of them hold something
	buf   []byte
	seats []*conn // by number of the seat; nil where free
	free  []int32

	turns   []*conn // those whose turn it is
	next    []*conn // those for the round after
	writes  pipeline.Batch
	unsaid  []*conn // to be flushed when the writes are submitted
	leaving []*conn // to be ended when everything is submitted and flushed
	left    bool    // a write was left with the core, which is to be worked on

	away    atomic.Uint64 // see work
	watched atomic.Bool
	ended   chan struct{} // closed when nobody goes on with the loop

	mu     sync.Mutex
	bell   int // an eventfd, rung when something was posted; -1 once the loop has ended
	posted []*conn
}

// Bounds of one round.
const (
	mostFound  = 256 // connections that have something
	submitFrom = 128 // writes that the core should not wait for any longer
)

// bellSeat is in the place of a seat in the event of the bell.
const bellSeat = -1

// interest is edge-triggered: what a connection has not read yet is known here, and a
// connection that must not be read needs no system call to be left alone.
const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// newLoop returns a loop that Run has to be called on.
func newLoop(core *pipeline.Core) (*loop, error) {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("conn: epoll set: %w", err)
	}
	if err := unix.SetNonblock(set, true); err != nil { // else the runtime's poller does not take it
		unix.Close(set)
		return nil, fmt.Errorf("conn: epoll set: %w", err)
	}
	l := &loop{
		core: core, set: os.NewFile(uintptr(set), "epoll set"), bell: -1, ended: make(chan struct{}),
		found: make([]unix.EpollEvent, mostFound), buf: make([]byte, inputSize),
	}
	l.ready = l.look
	if l.raw, err = l.set.SyscallConn(); err == nil {
		err = l.hangBell(set)
	}
	if err != nil {
		l.set.Close()
		return nil, fmt.Errorf("conn: epoll set: %w", err)
	}
	return l, nil
}

func (l *loop) hangBell(set int) error {
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return err
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: bellSeat}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, bell, &ev); err != nil {
		unix.Close(bell)
		return err
	}
	l.bell = bell
	return nil
}

// post has the loop look at a connection: it is new, or somebody else has done
// something to it. Any goroutine may call it.
func (l *loop) post(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bell < 0 {
		return
	}
	l.posted = append(l.posted, c)
	if len(l.posted) == 1 {
		one := [8]byte{1}                 // in either byte order not 0
		_, _ = unix.Write(l.bell, one[:]) // edge-triggered, it need not be read
	}
}

// stop ends a loop that has no connections any more.
func (l *loop) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set.Close()
	unix.Close(l.bell)
	l.bell = -1
}

func (l *loop) run() {
	for l.wait() == nil {
		l.sort()
		l.round()
		if l.left && !l.work() {
			return
		}
	}
	close(l.ended)
}

// wait waits until some connection has something, or only looks if there is something
// to do already.
func (l *loop) wait() error {
	if len(l.turns) > 0 {
		return l.raw.Control(func(fd uintptr) { l.look(fd) })
	}
	return l.raw.Read(l.ready)
}

func (l *loop) look(set uintptr) bool {
	for {
		n, err := unix.EpollWait(int(set), l.found, 0)
		if err != unix.EINTR {
			l.n = max(n, 0)
			return l.n > 0
		}
	}
}

// sort finds out whose turn it is.
func (l *loop) sort() {
	for i := range l.n {
		ev := &l.found[i]
		if ev.Fd == bellSeat {
			l.answerBell()
			continue
		}
		c := l.seats[ev.Fd]
		if c == nil { // whoever sat there is gone; one who sat down since would read in vain once
			continue
		}
		if ev.Events&unix.EPOLLOUT != 0 {
			c.seat.d.hasRoom()
		}
		if ev.Events&^unix.EPOLLOUT != 0 {
			c.seat.input = true
			c.seat.ends = c.seat.ends || ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
			l.enqueue(c)
		}
	}
}

// answerBell looks at what was posted.
func (l *loop) answerBell() {
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, c := range posted {
		if c.seat.roomy.CompareAndSwap(true, false) {
			c.seat.awaits = false
		}
		if !c.seat.taken {
			l.seat(c)
		}
		l.enqueue(c)
	}
}

// enqueue gives a connection a turn, unless it has one, or must wait for room.
func (l *loop) enqueue(c *conn) {
	if s := &c.seat; s.taken && !s.queued && !s.awaits {
		s.queued = true
		l.turns = append(l.turns, c)
	}
}

// round gives each its turn.
func (l *loop) round() {
	turns := l.turns
	l.turns, l.next = l.next, turns
	now := l.core.Now()
	for _, c := range turns {
		c.seat.queued = false
		l.turn(c, now)
		if l.writes.Len() >= submitFrom {
			l.say()
		}
	}
	l.say()
	clear(turns)
	l.next = turns[:0]
	for i, c := range l.leaving {
		go c.depart()
		l.leaving[i] = nil
	}
	l.leaving = l.leaving[:0]
}

// say submits the writes that were gathered, and then writes the replies that have
// waited for that: what takes the core longest begins first.
func (l *loop) say() {
	if l.core.Leave(&l.writes) {
		l.left = true
	} else {
		l.core.Submit(&l.writes)
	}
	for i, c := range l.unsaid {
		l.flush(c)
		l.unsaid[i] = nil
	}
	l.unsaid = l.unsaid[:0]
}

// loops are those of one port.
type loops struct {
	all     []*loop
	started bool
}

// startLoops starts the loops, if any connection will be plain.
func (p *Port) startLoops() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loops.started = true
	_, ok := p.ln.(*net.TCPListener)
	if !ok || p.stopping.Load() || p.o.TLS != nil && !p.o.Unify {
		return
	}
	for range p.o.Loops {
		l, err := newLoop(p.core)
		if err != nil { // connections keep their goroutines then
			p.log.Warn("fewer event loops than wanted", zap.Int("loops", len(p.loops.all)), zap.Error(err))
			return
		}
		p.loops.all = append(p.loops.all, l)
		go l.run()
	}
}

// loopFor is the loop that shall serve a connection; nil if there is none.
func (p *Port) loopFor(c *conn) *loop {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.loops.all) == 0 {
		return nil
	}
	return p.loops.all[c.number%uint64(len(p.loops.all))]
}

// stopLoops ends the loops of a port that has no connections any more.
func (p *Port) stopLoops() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.loops.all {
		l.stop()
	}
	for _, l := range p.loops.all {
		<-l.ended
	}
	p.loops.all = nil
}
