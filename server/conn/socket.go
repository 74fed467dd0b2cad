package conn

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"
)

// A socket is the transport of one connection: plain TCP or TLS.
type socket interface {
	// fill waits for bytes and appends them to in. An idle socket holds no
	// buffer if the platform can wait without one.
	fill(in *input) error
	// What follows is pipeline.Socket's.
	TryWrite(b []byte) (int, error)
	Write(b []byte) (int, error)
	Finish()
	Close() error
	Abort() error
	// What follows ends a connection when nobody else reads or writes it any more.

	// part says goodbye to a peer that does not expect it: FIN behind the last reply,
	// and then no close while requests still come.
	part()
	// discard reads what still comes until the peer closes, for a bounded time and
	// amount.
	discard()
}

// lingerTime is how long a finished connection waits for its peer to close:
// closing with unread bytes would reset the connection and lose the last reply.
const lingerTime = 2 * time.Second

// A stream is the socket over any net.Conn that cannot be written without
// waiting, such as TLS.
type stream struct {
	net.Conn
	timeout time.Duration // how long a peer may take nothing
}

func (s stream) fill(in *input) error {
	n, err := s.Conn.Read(in.space())
	in.grew(n)
	if n > 0 {
		return nil
	}
	return err
}

// TryWrite writes nothing: Write is then called by a goroutine that may wait.
func (s stream) TryWrite([]byte) (int, error) { return 0, nil }

func (s stream) Write(b []byte) (int, error) { return writeAll(s.Conn, b, s.timeout) }

// A ready is a stream that can be written without waiting, as memory can.
type ready struct {
	stream
	tryWrite func([]byte) (int, error)
}

func (r ready) TryWrite(b []byte) (int, error) { return r.tryWrite(b) }

func (r ready) Write(b []byte) (int, error) {
	n, err := r.stream.Write(b)
	r.SetWriteDeadline(time.Time{}) // TryWrite heeds it too
	return n, err
}

// newStream is the socket of a connection that is no socket of the system's.
func newStream(nc net.Conn, timeout time.Duration) socket {
	s := stream{nc, timeout}
	if m, ok := nc.(interface{ TryWrite([]byte) (int, error) }); ok {
		return ready{s, m.TryWrite}
	}
	return s
}

// writeChunk is how much of a write a peer must take within the timeout.
const writeChunk = 64 << 10

// writeAll writes b as long as the peer takes some of it now and then. A peer that
// takes nothing would hold its connection for ever once its session has ended.
func writeAll(c net.Conn, b []byte, timeout time.Duration) (n int, err error) {
	for n < len(b) && err == nil {
		c.SetWriteDeadline(time.Now().Add(timeout))
		var k int
		k, err = c.Write(b[n:min(n+writeChunk, len(b))])
		n += k
	}
	return n, err
}

func (s stream) Finish() { finish(s.Conn) }

func (s stream) Abort() error { return abort(s.Conn) }

func (s stream) part() { part(s.Conn) }

func (s stream) discard() { discard(s.Conn) }

// abort resets the connection on which all others stand.
func abort(c net.Conn) error {
	switch c := c.(type) {
	case *tls.Conn:
		return abort(c.NetConn())
	case *prefixed:
		return abort(c.Conn)
	case *net.TCPConn:
		_ = c.SetLinger(0)
	}
	return c.Close()
}

// finish sends FIN (or its TLS counterpart) and gives the peer a moment to
// close its side.
func finish(c net.Conn) {
	c.SetReadDeadline(time.Now().Add(lingerTime))
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return
	}
	c.Close()
}

// quiet is how long nothing must have come from a peer before its connection can be
// closed without a reset that might destroy what it has not read yet.
const quiet = 100 * time.Millisecond

func part(c net.Conn) {
	finish(c)
	buf := make([]byte, 512)
	for end := time.Now().Add(lingerTime); time.Now().Before(end); {
		c.SetReadDeadline(time.Now().Add(quiet))
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// mostDiscarded is how many bytes are read that nobody asked for.
const mostDiscarded = 4 << 20

func discard(c net.Conn) {
	c.SetReadDeadline(time.Now().Add(lingerTime))
	io.CopyN(io.Discard, c, mostDiscarded)
}

// An input is what has been read and not used yet.
type input struct {
	buf   []byte // nil while there is nothing
	start int
	lent  *[]byte // where buf is from, if it is from the pool
}

const (
	inputSize = 16 << 10
)

var inputs = sync.Pool{New: func() any {
	b := make([]byte, 0, inputSize)
	return &b
}}

// space returns room for at least some bytes. A buffer grows only as bytes
// arrive, whatever length a frame claims.
func (in *input) space() []byte {
	if in.buf == nil {
		in.lent = inputs.Get().(*[]byte)
		in.buf = *in.lent
	}
	if in.start > 0 {
		n := copy(in.buf, in.buf[in.start:])
		in.buf, in.start = in.buf[:n], 0
	}
	if len(in.buf) == cap(in.buf) {
		grown := make([]byte, len(in.buf), 2*cap(in.buf))
		copy(grown, in.buf)
		in.free()
		in.buf = grown
	}
	return in.buf[len(in.buf):cap(in.buf)]
}

func (in *input) grew(n int) {
	in.buf = in.buf[:len(in.buf)+n]
	in.idle()
}

// bytes is what has not been used.
func (in *input) bytes() []byte { return in.buf[in.start:] }

// keep puts bytes into an input that holds none.
func (in *input) keep(b []byte) {
	for len(b) > 0 {
		n := copy(in.space(), b)
		in.grew(n)
		b = b[n:]
	}
}

// use drops the first n bytes.
func (in *input) use(n int) {
	in.start += n
	in.idle()
	in.shrink()
}

// shrink changes a buffer that a large frame has left behind for one that fits
// what is in it.
func (in *input) shrink() {
	rest := in.bytes()
	if in.buf == nil || cap(in.buf) <= 4*(len(rest)+inputSize) {
		return
	}
	small := make([]byte, len(rest), max(inputSize, 2*len(rest)))
	copy(small, rest)
	in.buf, in.start = small, 0
}

// idle gives the buffer back when there is nothing in it.
func (in *input) idle() {
	if in.buf != nil && in.start == len(in.buf) {
		in.free()
		in.buf, in.start = nil, 0
	}
}

// free gives the buffer back to the pool, if it is from there.
func (in *input) free() {
	if in.lent != nil {
		inputs.Put(in.lent)
		in.lent = nil
	}
}
