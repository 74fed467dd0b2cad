//go:build unix

package conn

import (
	"cmp"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A tcp is a plain socket. It waits for input without holding a buffer, and
// writes without waiting where it must not wait. Once a loop serves it, it is a
// descriptor that the net package knows nothing of.
type tcp struct {
	*net.TCPConn
	raw     syscall.RawConn
	timeout time.Duration // how long a peer may take nothing
	in      *input        // during fill
	err     error         // of fill
	read    func(fd uintptr) bool

	own    atomic.Pointer[descriptor] // set under moving
	moving sync.Mutex
}

func newSocket(nc net.Conn, timeout time.Duration) (socket, error) {
	c, ok := nc.(*net.TCPConn)
	if !ok {
		return newStream(nc, timeout), nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	t := &tcp{TCPConn: c, raw: raw, timeout: timeout}
	t.read = t.tryRead
	return t, nil
}

func (t *tcp) fill(in *input) error {
	t.in, t.err = in, nil
	if err := t.raw.Read(t.read); err != nil {
		return err
	}
	return t.err
}

// tryRead reads once; it reports false to be called again when there is input.
func (t *tcp) tryRead(fd uintptr) bool {
	for {
		n, err := syscall.Read(int(fd), t.in.space())
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			t.in.idle()
			return false
		case err != nil:
			t.err = err
		case n == 0:
			t.err = io.EOF
		default:
			t.in.grew(n)
			return true
		}
		t.in.idle()
		return true
	}
}

// detach takes the socket away from the net package and its poller, which would be
// woken by every packet too. kick is called when the connection is ended from then on.
func (t *tcp) detach(kick func()) (*descriptor, error) {
	t.moving.Lock()
	defer t.moving.Unlock()
	d := &descriptor{timeout: t.timeout, kick: kick}
	var dup error
	err := t.raw.Control(func(fd uintptr) { d.fd, dup = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = cmp.Or(err, dup); err != nil {
		return nil, err
	}
	t.own.Store(d)
	return d, t.TCPConn.Close()
}

func (t *tcp) TryWrite(b []byte) (int, error) {
	if d := t.own.Load(); d != nil {
		return d.tryWrite(b)
	}
	var n int
	var werr error
	err := t.raw.Write(func(fd uintptr) bool {
		n, werr = writeSome(int(fd), b)
		return true
	})
	if d := t.detached(err); d != nil {
		return d.tryWrite(b)
	}
	return n, cmp.Or(err, werr)
}

// detached is the new descriptor if an error says that the old one was closed by
// detach: a flusher may have been just about to write.
func (t *tcp) detached(err error) *descriptor {
	if errors.Is(err, net.ErrClosed) {
		return t.own.Load()
	}
	return nil
}

func writeSome(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, b)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}

// Write sets a deadline only when it has to wait.
func (t *tcp) Write(b []byte) (int, error) {
	if d := t.own.Load(); d != nil {
		return d.write(b)
	}
	n, err := t.TryWrite(b)
	if err != nil || n == len(b) {
		return n, err
	}
	k, err := writeAll(t.TCPConn, b[n:], t.timeout)
	if d := t.detached(err); d != nil {
		n += k
		k, err = d.write(b[n:])
		return n + k, err
	}
	t.SetWriteDeadline(time.Time{}) // TryWrite heeds it too
	return n + k, err
}

func (t *tcp) Finish() {
	_ = t.settled(func(d *descriptor) error { d.finish(); return nil }, func() error { finish(t.TCPConn); return nil })
}

func (t *tcp) Close() error { return t.settled((*descriptor).close, t.TCPConn.Close) }

func (t *tcp) Abort() error {
	return t.settled((*descriptor).abort, func() error { return abort(t.TCPConn) })
}

// settled does something that detach must not come into the middle of.
func (t *tcp) settled(own func(*descriptor) error, before func() error) error {
	t.moving.Lock()
	defer t.moving.Unlock()
	if d := t.own.Load(); d != nil {
		return own(d)
	}
	return before()
}

func (t *tcp) part() {
	if d := t.own.Load(); d != nil {
		d.part()
		return
	}
	part(t.TCPConn)
}

func (t *tcp) discard() {
	if d := t.own.Load(); d != nil {
		d.discard()
		return
	}
	discard(t.TCPConn)
}
