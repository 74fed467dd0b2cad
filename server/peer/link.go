package peer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A link is a connection to one other server's election port, or from it.
type link struct {
	r      *remote
	nc     net.Conn
	br     *bufio.Reader
	before <-chan struct{} // closed when the link before has ended; nil for none
	done   chan struct{}   // closed when this one has

	waiting chan struct{} // a token: there is something to write
	taken   time.Time     // when a frame was taken last for writing; guarded by Election.mu
	heard   bool          // a frame has come; the reader's until it has ended
	odd     bool          // a frame could not be decoded, and was told of
}

func (l *link) wake() {
	select {
	case l.waiting <- struct{}{}:
	default:
	}
}

// read hands in notifications until the connection ends. What came over the link
// before is handed in first.
func (l *link) read() {
	defer close(l.done)
	if l.before != nil {
		<-l.before
	}
	l.r.tellReachable(l)
	err := l.frames()
	closeNow(l.nc)
	if l.r.lost(l) {
		l.r.tellUnreachable(err)
	}
}

func (l *link) frames() error {
	for {
		frame, err := readFrame(l.br)
		if err != nil {
			return fmt.Errorf("peer: notification: %w", err)
		}
		l.heard = true
		n, err := wire.DecodeNotification(frame)
		if err != nil {
			l.skip(err)
			continue
		}
		l.r.e.c.Receive(l.r.sid, n)
	}
}

// skip tells of the first notification that makes no sense.
func (l *link) skip(err error) {
	if !l.odd {
		l.odd = true
		l.r.e.c.Log.Warn("skipped a malformed notification, and will skip others", zap.Int64("server", int64(l.r.sid)), zap.Error(err))
	}
}

// A FrameLengthError ends an election connection.
type FrameLengthError struct{ Length int32 }

func (e *FrameLengthError) Error() string {
	return fmt.Sprintf("a frame of %d bytes, want 1 to %d", e.Length, wire.MaxNotification)
}

// trusted is how many bytes a length is believed to be worth before they are there.
const trusted = 4096

// readFrame reads a frame into memory of its own.
func readFrame(br *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(head[:]))
	if n <= 0 || n > wire.MaxNotification {
		return nil, &FrameLengthError{n}
	}
	if n <= trusted {
		frame := make([]byte, n)
		_, err := io.ReadFull(br, frame)
		return frame, unexpected(err)
	}
	var frame bytes.Buffer
	_, err := io.CopyN(&frame, br, int64(n))
	return frame.Bytes(), unexpected(err)
}

// unexpected turns an end in the middle of something into what it is.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// write writes what waits until the connection ends.
func (l *link) write() {
	for {
		frame := l.take()
		if frame == nil {
			select {
			case <-l.waiting:
				continue
			case <-l.done:
				return
			}
		}
		l.nc.SetWriteDeadline(time.Now().Add(l.r.e.c.Transport.handshakeTimeout()))
		if _, err := l.nc.Write(frame); err != nil {
			l.unsent(frame)
			return
		}
	}
}

// take takes what waits, if this still is the server's connection.
func (l *link) take() []byte {
	e := l.r.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.r.link != l || l.r.next == nil {
		return nil
	}
	frame := l.r.next
	l.r.last, l.r.next, l.taken = frame, nil, time.Now()
	return frame
}

// unsent puts a frame back that could not be written, unless a newer one waits or
// has been taken.
func (l *link) unsent(frame []byte) {
	e, r := l.r.e, l.r
	e.mu.Lock()
	defer e.mu.Unlock()
	closeNow(l.nc)
	if r.next == nil && &r.last[0] == &frame[0] {
		r.next = frame
	}
	if r.link != l {
		r.push()
	}
}
