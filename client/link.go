package client

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/wire"
)

// maxOwnWrite is how many bytes a caller writes itself. Every system has room for them
// in a connection's empty buffer, so the write does not block beyond the caller's
// context.
const maxOwnWrite = 4096

// A link is one connection with a session. Requests are appended to out and queue
// together, so that the order of answers is that of queue.
//
// Who appends a request when nothing else is under way writes it; a lone caller then
// needs no other goroutine. All else is written by the link's writer, which lets
// ready goroutines append first, so that many requests become one write.
type link struct {
	nc       net.Conn
	server   string
	in       []byte // what was read and not parsed yet, from the handshake too
	limit    int    // bytes of a reply
	readOnly bool

	mu      sync.Mutex
	err     error // set once: nothing is appended any more
	out     []byte
	spare   []byte
	queue   fifo // what is not answered, whether written or still in out
	writing bool
	synced  *call    // the sync in out, behind which reads need none of their own
	xid     wire.Xid // of the last request in out
	unsent  int      // how many at the end of queue were not taken to be written
	answers int      // that came
	probe   wire.Xid // the request whose answer proves contact, 0 for none
	probeAt time.Time
	pingAt  time.Time // when the ping that is under way was sent, or zero

	wake chan struct{} // tells the writer
	dead chan struct{} // closed when err is set

	born  time.Time
	sent  atomic.Int64 // when something was written, nanoseconds since born
	heard atomic.Int64 // when something was read
}

func newLink(nc net.Conn, server string, limit int) *link {
	return &link{nc: nc, server: server, limit: limit, wake: make(chan struct{}, 1), dead: make(chan struct{}), born: time.Now()}
}

func (l *link) note(what *atomic.Int64) { what.Store(int64(time.Since(l.born))) }

// since is how long ago something was noted.
func (l *link) since(what *atomic.Int64) time.Duration {
	return time.Since(l.born) - time.Duration(what.Load())
}

// add appends a request and says whether the caller is to write. It fails if the link
// is broken; the call is then where it was.
func (l *link) add(k *call, linearizable bool) (write bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return false, l.err
	}
	if linearizable && k.again && k.op != wire.OpSync {
		if l.synced == nil {
			l.synced = syncCall()
			l.addLocked(l.synced)
		}
		k.sync = l.synced
	}
	// With nothing under way the system's buffer is empty, and takes this much at once.
	alone := l.queue.len() == 0 && len(k.frame) <= maxOwnWrite
	l.addLocked(k)
	if l.writing {
		return false, nil
	}
	l.writing = true
	if alone {
		return true, nil
	}
	l.wake <- struct{}{} // never blocks: writing was false
	return false, nil
}

func (l *link) addLocked(k *call) {
	l.xid = max(l.xid+1, 1)
	k.seal(l.xid)
	l.out = append(l.out, k.frame...)
	l.queue.push(k)
	l.unsent++
}

// syncCall is a sync that nobody waits for.
func syncCall() *call {
	k := newCall(wire.OpSync, "/")
	k.frame = wire.AppendString(k.frame, "/")
	k.hidden = true
	return k
}

// ping sends a ping if none is under way.
func (l *link) ping() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || !l.pingAt.IsZero() {
		return
	}
	l.pingAt = time.Now()
	frame := wire.AppendInt(make([]byte, 8, headLen), int32(wire.OpPing))
	putHead(frame, wire.XidPing)
	l.out = append(l.out, frame...)
	if !l.writing {
		l.writing = true
		l.wake <- struct{}{}
	}
}

// flush has what is in out written.
func (l *link) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.out) > 0 && !l.writing {
		l.writing = true
		l.wake <- struct{}{}
	}
}

// take returns what is to be written, nil if nothing is: then nobody writes any more.
func (l *link) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.out) == 0 || l.err != nil {
		l.writing = false
		return nil
	}
	b := l.out
	l.out, l.spare = l.spare[:0], nil
	if l.probe == 0 && l.unsent > 0 { // else the last request was sent before now
		l.probe, l.probeAt = l.xid, time.Now()
	}
	l.synced, l.unsent = nil, 0
	return b
}

// give returns a buffer that was written.
func (l *link) give(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cap(b) <= 1<<20 {
		l.spare = b[:0]
	}
}

// writeOnce writes what there is, and leaves what comes meanwhile to the writer.
func (l *link) writeOnce() {
	l.write(l.take())
	l.mu.Lock()
	more := len(l.out) > 0 && l.err == nil
	l.writing = more
	l.mu.Unlock()
	if more {
		l.wake <- struct{}{}
	}
}

func (l *link) write(b []byte) {
	if b == nil {
		return
	}
	l.note(&l.sent)
	if _, err := l.nc.Write(b); err != nil {
		l.kill(err)
	}
	l.give(b)
}

// writes is the link's writer.
func (l *link) writes() {
	for {
		select {
		case <-l.wake:
		case <-l.dead:
			return
		}
		for {
			runtime.Gosched() // goroutines that are ready add to this write
			b := l.take()
			if b == nil {
				break
			}
			l.write(b)
		}
	}
}

// kill ends the link: both of its goroutines return.
func (l *link) kill(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = err
	close(l.dead)
	l.nc.Close()
}

// unanswered returns what was not answered, in order, when the link is dead: what may
// have reached the server, and what was not sent.
func (l *link) unanswered() (sent, unsent []*call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.queue.drain()
	at := len(left) - l.unsent
	return left[:at], left[at:]
}

// answered takes the call whose answer came: the oldest, or the server is wrong. proof
// is when a request was sent that is known to have arrived, or zero.
func (l *link) answered(xid wire.Xid) (k *call, proof time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k = l.queue.first(); k == nil || k.xid() != xid {
		return nil, proof, &ProtocolError{What: "answer", Err: fmt.Errorf("it is to request %d, which is not the one that is due", xid)}
	}
	l.queue.pop()
	l.answers++
	if l.probe != 0 && xid == l.probe { // every request is answered in its turn
		proof, l.probe = l.probeAt, 0
	}
	return k, proof, nil
}

// progress is how many answers came, and whether one is waited for.
func (l *link) progress() (answers int, waits bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers, l.queue.len() > l.unsent
}

// ponged notes the answer to the ping, and returns when that was sent.
func (l *link) ponged() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.pingAt
	l.pingAt = time.Time{}
	return at
}

// frames reads and calls each with every frame's payload, until that or reading fails.
// The payload is valid during the call.
func (l *link) frames(each func(payload []byte) error) error {
	buf := make([]byte, 64<<10)
	have := copy(buf, l.in)
	l.in = nil
	for {
		rest := buf[:have]
		for {
			payload, after, ok, err := cutFrame(rest, l.limit)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if err := each(payload); err != nil {
				return err
			}
			rest = after
		}
		have = copy(buf, rest)
		if have == len(buf) {
			buf = append(buf, make([]byte, len(buf))...) // doubles as bytes arrive: a length alone costs nothing
		} else if have < len(buf)/4 && len(buf) > 1<<20 {
			buf = append(make([]byte, 0, 64<<10+have), buf[:have]...)
			buf = buf[:cap(buf)]
		}
		n, err := l.nc.Read(buf[have:])
		if err != nil {
			return err
		}
		l.note(&l.heard)
		have += n
	}
}

// cutFrame cuts the first frame off b.
func cutFrame(b []byte, limit int) (payload, rest []byte, ok bool, err error) {
	if len(b) < 4 {
		return nil, b, false, nil
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if n < 0 || n > limit {
		return nil, b, false, &ProtocolError{What: "answer", Err: fmt.Errorf("a frame of %d bytes, with %d allowed", n, limit)}
	}
	if len(b) < 4+n {
		return nil, b, false, nil
	}
	return b[4 : 4+n], b[4+n:], true, nil
}

// readFrame reads one frame before frames does; what is read beyond stays in l.in.
func (l *link) readFrame() ([]byte, error) {
	for {
		payload, rest, ok, err := cutFrame(l.in, l.limit)
		if ok || err != nil {
			l.in = rest
			return payload, err
		}
		b := make([]byte, 4096)
		n, err := l.nc.Read(b)
		if n == 0 && err == nil {
			err = io.ErrNoProgress
		}
		if err != nil {
			return nil, err
		}
		l.in = append(l.in, b[:n]...)
	}
}
