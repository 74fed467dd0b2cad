package peer

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/zabra/zabra/wire"
)

// Send has packets sent, in this order, behind everything sent before. It never
// blocks. The slice may be used again; what the packets refer to must not change.
// On a connection that has ended they are dropped.
func (c *Conn) Send(packets ...wire.QuorumPacket) {
	if c.isDead() || len(packets) == 0 {
		return
	}
	var size int64
	for i := range packets {
		size += packetSize(&packets[i])
	}
	waiting := c.out.bytes.Add(size)
	if c.o.MaxBacklog > 0 && waiting > c.o.MaxBacklog {
		c.end(fmt.Errorf("%w: %d bytes, limit %d", ErrBacklog, waiting, c.o.MaxBacklog))
		return
	}
	if !c.out.putPackets(packets) {
		c.out.bytes.Add(-size)
	}
}

// SendStream has f called in its turn, behind everything sent before, by the
// goroutine that writes; what is sent later waits until it returns. The writer is
// buffered. An error of f ends the connection; an error of the writer means that it
// has ended. f is called once in any case, so that it can let go of what it holds: when
// its turn does not come any more, its writes fail.
func (c *Conn) SendStream(f func(w io.Writer) error) {
	if c.isDead() || !c.out.put(item{stream: f}) {
		Abandon(f)
	}
}

// Abandon calls the function of a stream for which there is no connection, as
// Conn.SendStream does on one that has ended: in a goroutine of its own.
func Abandon(f func(w io.Writer) error) {
	go func() { _ = f(gone{}) }()
}

// abandon does so, here and now, for the streams among items that will not be sent.
func abandon(items []item) {
	for i := range items {
		if f := items[i].stream; f != nil {
			_ = f(gone{})
		}
	}
}

// A gone is the writer of a connection that has ended.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, ErrClosed }

func (c *Conn) isDead() bool {
	select {
	case <-c.dead:
		return true
	default:
		return false
	}
}

// send writes what is in the queue until the connection ends.
func (c *Conn) send() error {
	w := &writer{c: c}
	var items []item
	for {
		var finished bool
		items, finished = c.out.take(items)
		switch {
		case len(items) > 0:
			if err := c.write(w, items); err != nil {
				return err
			}
		case finished:
			return c.part()
		default:
			select {
			case <-c.out.ready:
			case <-c.dead:
				return nil
			}
		}
	}
}

// write writes items, as many of them at once as fit into the buffer.
func (c *Conn) write(w *writer, items []item) error {
	for i := range items {
		if err := c.writeOne(w, &items[i]); err != nil {
			abandon(items[i+1:])
			return err
		}
	}
	return w.flush()
}

func (c *Conn) writeOne(w *writer, it *item) error {
	if it.stream != nil {
		return c.stream(w, it.stream)
	}
	w.packet(&it.packet)
	return w.flushFull()
}

func (c *Conn) stream(w *writer, f func(io.Writer) error) error {
	broken := w.flush() // then f is told by w
	if err := f(w); err != nil && broken == nil {
		return fmt.Errorf("peer: stream: %w", err)
	}
	if broken != nil {
		return broken
	}
	return w.flush()
}

// part tells the peer that nothing more comes, and waits for the end.
func (c *Conn) part() error {
	if err := closeWrite(c.nc); err != nil {
		return ErrClosed // nothing but closing tells the peer
	}
	<-c.dead
	return nil
}

// bufferSize is how much leaves with one write.
const bufferSize = 64 << 10

// A writer collects bytes and writes them to a Conn. An error stays.
type writer struct {
	c       *Conn
	buf     []byte
	packets int64 // bytes in buf that the queue counts
	err     error
}

func (w *writer) packet(p *wire.QuorumPacket) {
	before := len(w.buf)
	w.buf = p.AppendTo(w.buf)
	w.packets += int64(len(w.buf) - before)
}

// Write implements io.Writer for streams.
func (w *writer) Write(b []byte) (int, error) {
	w.buf = slices.Grow(w.buf, bufferSize-len(w.buf))
	for n := 0; ; {
		k := copy(w.buf[len(w.buf):cap(w.buf)], b[n:])
		w.buf = w.buf[:len(w.buf)+k]
		if n += k; n == len(b) {
			return n, w.err
		}
		if err := w.flush(); err != nil {
			return n, err
		}
	}
}

// flushFull flushes when not much more fits in.
func (w *writer) flushFull() error {
	if len(w.buf) < bufferSize*3/4 {
		return nil
	}
	return w.flush()
}

// flush writes what was collected. A buffer that one large packet has made large is
// given up.
func (w *writer) flush() error {
	for b := w.buf; len(b) > 0 && w.err == nil; {
		if w.c.o.WriteTimeout > 0 {
			w.c.nc.SetWriteDeadline(time.Now().Add(w.c.o.WriteTimeout))
		}
		n, err := w.c.nc.Write(b[:min(len(b), bufferSize)])
		w.c.written.Add(int64(n))
		b = b[n:]
		if err != nil {
			w.err = fmt.Errorf("peer: %w", err)
		}
	}
	w.c.out.bytes.Add(-w.packets)
	w.packets, w.buf = 0, w.buf[:0]
	if cap(w.buf) > 2*bufferSize {
		w.buf = nil
	}
	return w.err
}
