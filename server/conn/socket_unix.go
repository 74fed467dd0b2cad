//go:build unix

package conn

import (
	"io"
	"net"
	"syscall"
	"time"
)

// A tcp is a plain socket. It waits for input without holding a buffer, and
// writes without waiting where it must not wait.
type tcp struct {
	*net.TCPConn
	raw     syscall.RawConn
	timeout time.Duration // how long a peer may take nothing
	in      *input        // during fill
	err     error         // of fill
	read    func(fd uintptr) bool
}

func newSocket(nc net.Conn, timeout time.Duration) (socket, error) {
	c, ok := nc.(*net.TCPConn)
	if !ok {
		return stream{nc, timeout}, nil
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

func (t *tcp) TryWrite(b []byte) (int, error) {
	var n int
	var werr error
	err := t.raw.Write(func(fd uintptr) bool {
		n, werr = writeSome(int(fd), b)
		return true
	})
	if err == nil {
		err = werr
	}
	return n, err
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
	n, err := t.TryWrite(b)
	if err != nil || n == len(b) {
		return n, err
	}
	k, err := writeAll(t.TCPConn, b[n:], t.timeout)
	t.SetWriteDeadline(time.Time{}) // TryWrite heeds it too
	return n + k, err
}

func (t *tcp) Finish() { finish(t.TCPConn) }

func (t *tcp) Abort() error { return abort(t.TCPConn) }
