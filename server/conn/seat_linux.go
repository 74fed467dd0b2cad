package conn

import (
	"cmp"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zabra/zabra/server/pipeline"
)

// A seat is a connection's place in a loop. What is not atomic belongs to the loop's
// goroutine once the connection was posted for the first time.
type seat struct {
	loop    atomic.Pointer[loop] // nil before, and once it has left
	left    atomic.Bool          // it was kicked
	roomy   atomic.Bool          // whoever waited for room is done
	plain   atomic.Pointer[tcp]
	d       *descriptor
	number  int32
	taken   bool  // it is in the epoll set
	queued  bool  // it has a turn coming
	input   bool  // there may be something to read
	ends    bool  // and behind it the end
	rest    bool  // what was read before waits to be handled
	crowded bool  // for room
	awaits  bool  // a goroutine waits for room on its behalf
	why     error // it ends
}

// takeIn has a loop serve a connection whose first request has been handled. It reports false if
// there is none that could.
func (p *Port) takeIn(c *conn) bool {
	t, ok := c.socket.(*tcp)
	if !ok {
		return false
	}
	l := p.loopFor(c)
	if l == nil {
		return false
	}
	c.seat.plain.Store(t) // first, so that Close finds either the old descriptor or the new
	d, err := t.detach(c.kick)
	if err != nil {
		return false // the descriptors are used up, or it was closed just now
	}
	c.seat.d, c.seat.rest = d, true
	c.seat.loop.Store(l)
	l.post(c)
	return true
}

// kick has the connection leave its loop, and end: it was closed, or its time is up.
func (c *conn) kick() {
	c.seat.left.Store(true)
	if l := c.seat.loop.Load(); l != nil {
		l.post(c)
	}
}

// seat takes a connection in. If that fails the connection ends at its first turn.
func (l *loop) seat(c *conn) {
	s := &c.seat
	if s.loop.Load() != l { // posted once more as it left
		return
	}
	if n := len(l.free); n > 0 {
		s.number, l.free = l.free[n-1], l.free[:n-1]
	} else {
		s.number = int32(len(l.seats))
		l.seats = append(l.seats, nil)
	}
	l.seats[s.number] = c
	s.taken = true
	ev := unix.EpollEvent{Events: interest, Fd: s.number}
	s.why = s.d.use(func(fd int) error {
		var err error
		if cerr := l.raw.Control(func(set uintptr) { err = unix.EpollCtl(int(set), unix.EPOLL_CTL_ADD, fd, &ev) }); cerr != nil {
			return cerr
		}
		return os.NewSyscallError("epoll_ctl", err)
	})
}

// leave gives the seat up. The connection is ended once what it asked for is on its way.
func (l *loop) leave(c *conn, why error) {
	s := &c.seat
	_ = s.d.use(func(fd int) error { // a closed one has left the set by itself
		return l.raw.Control(func(set uintptr) { _ = unix.EpollCtl(int(set), unix.EPOLL_CTL_DEL, fd, nil) })
	})
	l.seats[s.number] = nil
	l.free = append(l.free, s.number)
	s.taken, s.why = false, why
	s.loop.Store(nil)
	l.leaving = append(l.leaving, c)
}

// turn serves a connection: what it has left over, or what one read brings.
func (l *loop) turn(c *conn, now time.Duration) {
	s := &c.seat
	switch {
	case s.why != nil:
		l.leave(c, s.why)
	case s.left.Load():
		l.leave(c, c.kicked())
	case s.rest:
		used, next, err := c.client.HandleSome(c.in.bytes(), now, &l.writes)
		c.in.use(used)
		l.handled(c, next, err)
	case s.input:
		l.read(c, now)
	}
}

// kicked is why the connection was kicked.
func (c *conn) kicked() error {
	if c.seat.d.use(func(int) error { return nil }) != nil {
		return net.ErrClosed
	}
	return os.ErrDeadlineExceeded // the server stops, or the peer did not close behind the last reply
}

// read reads once and handles what came. The loop's own buffer serves as long as
// frames come whole, so that an idle connection has none.
func (l *loop) read(c *conn, now time.Duration) {
	s := &c.seat
	room, whole := l.buf, len(c.in.bytes()) == 0
	if !whole {
		room = c.in.space()
	}
	n, err := s.d.read(room)
	if err == syscall.EAGAIN {
		s.input = false
		return
	}
	if err != nil {
		l.leave(c, err)
		return
	}
	// What leaves room was all there is: the next that comes is an edge. The end may be
	// there already, and is none.
	s.input = n == len(room) || s.ends
	if !whole {
		c.in.grew(n)
		room = c.in.bytes()
		n = len(room)
	}
	used, next, err := c.client.HandleSome(room[:n], now, &l.writes)
	if whole {
		c.in.keep(room[used:n])
	} else {
		c.in.use(used)
	}
	l.handled(c, next, err)
}

// handled goes on behind HandleSome.
func (l *loop) handled(c *conn, next pipeline.Verdict, err error) {
	s := &c.seat
	s.rest, s.crowded = next != pipeline.NeedInput, next == pipeline.NeedRoom
	if err != nil {
		l.leave(c, err)
	}
	if l.writes.Len() > 0 {
		l.unsaid = append(l.unsaid, c)
		return
	}
	l.flush(c)
}

// flush writes replies as far as the peer takes them at once, and sees to it that the
// connection gets its next turn.
func (l *loop) flush(c *conn) {
	s := &c.seat
	c.client.Flush(false)
	if s.crowded && s.taken && !c.client.HasRoom() {
		s.awaits = true
		go func() {
			c.client.WaitRoom()
			s.roomy.Store(true)
			l.post(c)
		}()
		return
	}
	if s.rest || s.input {
		l.enqueue(c)
	}
}

// depart ends a connection that has left its loop.
func (c *conn) depart() {
	err := c.seat.why
	if c.seat.rest { // what was read before is handled
		err = cmp.Or(c.handle(), err)
	}
	c.over(err)
}

// shut closes the connection, whoever serves it.
func (c *conn) shut() {
	c.raw.Close()
	if t := c.seat.plain.Load(); t != nil {
		t.Close()
	}
}
