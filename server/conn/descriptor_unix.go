//go:build unix

package conn

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A descriptor is a non-blocking socket of our own, which the runtime's poller does not
// know: a loop waits for it. Closing it is safe against everything else: a call that
// comes later gets net.ErrClosed, and never the next socket with the same number.
type descriptor struct {
	timeout time.Duration // how long a peer may take nothing
	kick    func()        // has the loop look at the connection
	room    atomic.Pointer[chan struct{}]

	mu sync.RWMutex
	fd int // -1 once it is closed
}

// use calls f with the descriptor, which stays open meanwhile. f must not wait.
func (d *descriptor) use(f func(fd int) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return net.ErrClosed
	}
	return f(d.fd)
}

// read reads once. Without input the error is EAGAIN, at the end io.EOF.
func (d *descriptor) read(b []byte) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return 0, net.ErrClosed
	}
	for {
		n, err := syscall.Read(d.fd, b)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// tryWrite writes what goes without waiting.
func (d *descriptor) tryWrite(b []byte) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return 0, net.ErrClosed
	}
	return writeSome(d.fd, b)
}

// write writes b as long as the peer takes a chunk of it now and then, as writeAll does.
func (d *descriptor) write(b []byte) (n int, err error) {
	room := make(chan struct{}, 1) // before the first try, so that no news of room is missed
	d.room.Store(&room)
	defer d.room.Store(nil)
	timer := time.NewTimer(d.timeout)
	defer timer.Stop()
	for chunk := 0; n < len(b); {
		k, err := d.tryWrite(b[n:min(n+writeChunk-chunk, len(b))])
		n, chunk = n+k, chunk+k
		switch {
		case err != nil:
			return n, err
		case chunk == writeChunk:
			chunk = 0
			timer.Reset(d.timeout)
		case n < len(b):
			select {
			case <-room:
			case <-timer.C:
				return n, os.ErrDeadlineExceeded
			}
		}
	}
	return n, nil
}

// hasRoom tells whoever waits in write to try again.
func (d *descriptor) hasRoom() {
	if room := d.room.Load(); room != nil {
		select {
		case *room <- struct{}{}:
		default:
		}
	}
}

// finish sends FIN, and gives the peer a moment to close its side.
func (d *descriptor) finish() {
	_ = d.use(func(fd int) error { return syscall.Shutdown(fd, syscall.SHUT_WR) })
	time.AfterFunc(lingerTime, d.kick)
}

// abort closes without delivering what the peer has not taken.
func (d *descriptor) abort() error {
	_ = d.use(func(fd int) error {
		return syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	})
	return d.close()
}

func (d *descriptor) close() error {
	d.mu.Lock()
	fd := d.fd
	d.fd = -1
	d.mu.Unlock()
	if fd < 0 {
		return net.ErrClosed
	}
	err := os.NewSyscallError("close", syscall.Close(fd))
	d.hasRoom() // there will never be any, which the writer is to find out
	d.kick()
	return err
}

// readPoll is how often a connection that is being ended is read. It happens once
// in a connection's life, and no loop waits for it any more.
const readPoll = 2 * time.Millisecond

// discard reads what still comes, until the peer closes, or for a bounded time and
// amount.
func (d *descriptor) discard() {
	buf := make([]byte, 4<<10)
	for end, left := time.Now().Add(lingerTime), mostDiscarded; left > 0; {
		n, err := d.read(buf)
		left -= n
		switch {
		case err == nil:
		case err != syscall.EAGAIN || time.Now().After(end):
			return
		default:
			time.Sleep(readPoll)
		}
	}
}

// part ends the connection of a client that does not expect it; see conn.part.
func (d *descriptor) part() {
	_ = d.use(func(fd int) error { return syscall.Shutdown(fd, syscall.SHUT_WR) })
	buf := make([]byte, 512)
	last := time.Now()
	for end := last.Add(lingerTime); ; {
		_, err := d.read(buf)
		now := time.Now()
		switch {
		case err == nil && now.Before(end):
			last = now
		case err != syscall.EAGAIN || now.Sub(last) >= quiet || now.After(end):
			return
		default:
			time.Sleep(readPoll)
		}
	}
}
