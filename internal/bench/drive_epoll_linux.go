package bench

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// An epoll drives one loop.
type epoll struct {
	l     *loop
	fd    int
	timer int // a timerfd, only with a rate limit
	clock func() int64
	buf   []byte
	ready []unix.EpollEvent
}

const timerSlot = -1 // in place of a connection's index

// driveNative steps a loop until it is done. On Linux that is one thread over one
// epoll set: a wake-up serves every connection that has something, with one
// read and one write each, which costs the two cores that client and server
// share about half of what a goroutine for each connection costs.
func driveNative(l *loop, links []net.Conn, clock func() int64, halt *atomic.Bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e := &epoll{l: l, clock: clock, timer: -1, buf: make([]byte, 256<<10), ready: make([]unix.EpollEvent, 256)}
	var err error
	if e.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	defer e.close()
	for i, c := range l.conns {
		if c.fd, err = takeDescriptor(links[i]); err != nil {
			c.fd = -1
			return err
		}
		if err := e.watch(unix.EPOLL_CTL_ADD, i, unix.EPOLLIN); err != nil {
			return err
		}
	}
	if l.interval > 0 {
		if err := e.addTimer(); err != nil {
			return err
		}
	}
	l.send = e.send
	return e.run(halt)
}

// takeDescriptor moves the socket out of the runtime's poller, which would
// otherwise be woken for every packet too. The link is closed; the socket lives
// on under the descriptor returned.
func takeDescriptor(link net.Conn) (int, error) {
	defer link.Close()
	tcp, ok := link.(*net.TCPConn)
	if !ok {
		return -1, fmt.Errorf("not a TCP connection: %T", link)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	err = raw.Control(func(p uintptr) { fd, dupErr = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = dupErr
	}
	return fd, err
}

func (e *epoll) close() {
	for i, c := range e.l.conns {
		if c.fd > 0 {
			unix.Close(c.fd)
		}
		e.l.conns[i].fd = 0
	}
	if e.timer >= 0 {
		unix.Close(e.timer)
	}
	unix.Close(e.fd)
}

func (e *epoll) watch(op, slot int, events uint32) error {
	fd := e.timer
	if slot != timerSlot {
		fd = e.l.conns[slot].fd
	}
	ev := unix.EpollEvent{Events: events, Fd: int32(slot)}
	if err := unix.EpollCtl(e.fd, op, fd, &ev); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

func (e *epoll) addTimer() (err error) {
	if e.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return fmt.Errorf("timerfd: %w", err)
	}
	return e.watch(unix.EPOLL_CTL_ADD, timerSlot, unix.EPOLLIN)
}

// armTimer wakes the loop when the next request is due: epoll's own timeout,
// in milliseconds, is too coarse.
func (e *epoll) armTimer() {
	wait := max(int64(e.l.due)-e.clock(), 1)
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(wait)}
	unix.TimerfdSettime(e.timer, 0, &spec, nil)
}

func (e *epoll) run(halt *atomic.Bool) error {
	e.l.begin(e.clock())
	for !e.l.done() {
		if e.timer >= 0 {
			e.armTimer()
		}
		n, err := unix.EpollWait(e.fd, e.ready, tickEvery/1e6)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll: %w", err)
		}
		for i := range max(n, 0) {
			e.serve(e.ready[i])
		}
		now := e.clock()
		if halt.Load() {
			e.l.stop(now)
		}
		e.l.tick(now)
		if e.l.overdue(now) {
			break
		}
	}
	return nil
}

func (e *epoll) serve(ev unix.EpollEvent) {
	if ev.Fd == timerSlot {
		var expirations [8]byte
		unix.Read(e.timer, expirations[:])
		return
	}
	slot := int(ev.Fd)
	c := e.l.conns[slot]
	if ev.Events&unix.EPOLLOUT != 0 && c.dead == nil {
		e.resume(slot, c)
	}
	if ev.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 && c.dead == nil {
		e.receive(c)
	}
	if c.dead != nil && c.fd > 0 {
		unix.Close(c.fd)
		c.fd = 0
	}
}

func (e *epoll) receive(c *conn) {
	n, err := unix.Read(c.fd, e.buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
	case err != nil:
		e.l.lose(c, fmt.Errorf("receive: %w", err))
	case n == 0:
		e.l.lose(c, fmt.Errorf("the server closed the connection: %w", io.EOF))
	default:
		e.l.arrived(c, e.buf[:n], e.clock())
	}
}

// send writes what the socket takes and keeps the rest until it is writable.
func (e *epoll) send(c *conn, b []byte) {
	if c.dead != nil {
		return
	}
	n, err := unix.Write(c.fd, b)
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		e.l.lose(c, fmt.Errorf("send: %w", err))
		return
	}
	if n = max(n, 0); n < len(b) {
		c.out = append(c.out, b[n:]...)
		if err := e.watch(unix.EPOLL_CTL_MOD, c.slot, unix.EPOLLIN|unix.EPOLLOUT); err != nil {
			e.l.lose(c, err)
		}
	}
}

// resume sends what was kept; when all is gone the connection may ask again.
func (e *epoll) resume(slot int, c *conn) {
	n, err := unix.Write(c.fd, c.out)
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		e.l.lose(c, fmt.Errorf("send: %w", err))
		return
	}
	c.out = append(c.out[:0], c.out[max(n, 0):]...)
	if len(c.out) > 0 {
		return
	}
	if err := e.watch(unix.EPOLL_CTL_MOD, slot, unix.EPOLLIN); err != nil {
		e.l.lose(c, err)
		return
	}
	e.l.writable(c, e.clock())
}
