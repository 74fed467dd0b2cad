package bufconn

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// room is how many bytes a stream holds at most.
const room = 64 << 10

// A stream carries bytes in one direction.
type stream struct {
	mu       sync.Mutex
	changed  sync.Cond
	buf      []byte // what was written and not read is buf[start:]
	start    int
	finished bool // by the writer
	gone     bool // the reader is
	readBy   deadline
	writeBy  deadline
}

// A deadline is a time, none if zero, and what wakes those who wait when it comes.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newStream() *stream {
	s := new(stream)
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone:
			return 0, net.ErrClosed
		case s.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case s.start < len(s.buf):
			return s.take(b), nil
		case s.finished:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

// take moves bytes to the reader.
func (s *stream) take(b []byte) int {
	full := len(s.buf)-s.start >= room
	n := copy(b, s.buf[s.start:])
	if s.start += n; s.start == len(s.buf) {
		s.buf, s.start = s.buf[:0], 0
	}
	if full {
		s.changed.Broadcast() // nobody else waits for room
	}
	return n
}

func (s *stream) write(b []byte, wait bool) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.finished:
			return n, net.ErrClosed
		case s.gone:
			return n, syscall.EPIPE
		case s.writeBy.passed():
			return n, os.ErrDeadlineExceeded
		}
		n += s.put(b[n:])
		if n == len(b) || !wait {
			return n, nil
		}
		s.changed.Wait()
	}
}

// put takes bytes from the writer, as many as there is room for.
func (s *stream) put(b []byte) int {
	held := len(s.buf) - s.start
	n := min(room-held, len(b))
	if n == 0 {
		return 0
	}
	if s.start > 0 && len(s.buf)+n > cap(s.buf) {
		s.buf, s.start = s.buf[:copy(s.buf, s.buf[s.start:])], 0
	}
	s.buf = append(s.buf, b[:n]...)
	if held == 0 {
		s.changed.Broadcast() // nobody else waits for bytes
	}
	return n
}

// finish is the writer's end.
func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	s.changed.Broadcast()
}

// abandon is the reader's end.
func (s *stream) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone, s.buf, s.start = true, nil, 0
	for _, d := range []*deadline{&s.readBy, &s.writeBy} {
		if d.timer != nil {
			d.timer.Stop()
		}
	}
	s.changed.Broadcast()
}

func (s *stream) setDeadline(d *deadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	if left := time.Until(t); !t.IsZero() && left > 0 {
		d.timer = time.AfterFunc(left, s.wake)
	}
	s.changed.Broadcast()
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}
