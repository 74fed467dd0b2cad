package peer

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/zabra/zabra/wire"
)

// Sizes of the memory that packets are read into, and alias for as long as they
// live. A connection that is busy gets large pieces.
const (
	smallChunk = 4 << 10
	largeChunk = 64 << 10
)

// An input reads packets from a stream. What it has handed out it does not touch
// again: when a chunk is full a new one is begun, with the bytes of a packet that is
// not complete.
type input struct {
	src   io.Reader
	limit int    // of wire.PacketLen
	buf   []byte // bytes read and not handed out; room behind them is up to cap
	need  int    // how many bytes buf must have before it is worth looking at it again
	size  int    // of the next chunk
	count int    // packets that were handed out last
}

func newInput(src io.Reader, limit int) *input {
	return &input{src: src, limit: limit, size: smallChunk}
}

// fill reads once, or as often as it takes to have what is needed.
func (in *input) fill() error {
	for {
		in.makeRoom()
		n, err := in.src.Read(in.buf[len(in.buf):cap(in.buf)])
		in.buf = in.buf[:len(in.buf)+n]
		if len(in.buf) >= in.need && n > 0 {
			return nil
		}
		if err != nil {
			return in.ended(err)
		}
	}
}

// ended tells an end between packets from one within a packet.
func (in *input) ended(err error) error {
	if err == io.EOF && len(in.buf) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == io.EOF {
		return err
	}
	return fmt.Errorf("peer: %w", err)
}

// makeRoom begins a new chunk if the old one is about full. It believes a length
// only as far as bytes have come: the chunk is at most twice what is there.
func (in *input) makeRoom() {
	if room := cap(in.buf) - len(in.buf); room >= smallChunk/4 || in.need > 0 && cap(in.buf) >= in.need {
		return
	}
	size := max(in.size, min(in.need, 2*len(in.buf)), len(in.buf)+smallChunk)
	in.size = min(2*in.size, largeChunk)
	chunk := make([]byte, len(in.buf), size)
	copy(chunk, in.buf)
	in.buf = chunk
}

// packets hands out the packets that are complete. It stops behind a SNAP, with snap
// set: what follows it is no packet.
func (in *input) packets() (list []wire.QuorumPacket, snap bool, err error) {
	for !snap {
		n, whole, err := wire.PacketLen(in.buf, in.limit)
		if err != nil {
			return list, false, fmt.Errorf("peer: %w", err)
		}
		if !whole {
			in.need = n
			return list, false, nil
		}
		p, err := decode(in.buf[:n:n])
		if err != nil {
			return list, false, err
		}
		in.buf = in.buf[n:]
		if list == nil { // as many are likely to come as came last
			list = make([]wire.QuorumPacket, 0, max(1, in.count))
		}
		list = append(list, p)
		in.count = len(list)
		snap = p.Type == wire.PacketSnap
	}
	in.need = 0
	return list, snap, nil
}

func decode(b []byte) (p wire.QuorumPacket, err error) {
	d := wire.NewDecoder(b)
	p.DecodeFrom(&d)
	if d.Err() != nil {
		return p, fmt.Errorf("peer: %v: %w", p.Type, d.Err())
	}
	return p, nil
}

// Read reads from the stream what is no packet: at first what has been read
// already.
func (in *input) Read(b []byte) (int, error) {
	if len(in.buf) > 0 {
		n := copy(b, in.buf)
		in.buf = in.buf[n:]
		return n, nil
	}
	return in.src.Read(b)
}

// snapshot hands the stream to f, and takes back what f has not read of it.
func (in *input) snapshot(f func(io.Reader) error) error {
	br := bufio.NewReaderSize(in, largeChunk)
	if err := f(onlyReader{br}); err != nil {
		return err
	}
	rest, _ := br.Peek(br.Buffered())
	in.buf = append(append(make([]byte, 0, len(rest)+len(in.buf)), rest...), in.buf...)
	return nil
}

// An onlyReader has nothing of its reader but Read.
type onlyReader struct{ r io.Reader }

func (o onlyReader) Read(b []byte) (int, error) { return o.r.Read(b) }

// source is the connection as the input reads it.
type source struct{ c *Conn }

func (s source) Read(b []byte) (int, error) {
	s.c.armRead()
	n, err := s.c.nc.Read(b)
	s.c.received.Add(int64(n))
	return n, err
}

// read hands in packets until the connection ends.
func (c *Conn) read() error { return c.packets(newInput(source{c}, c.o.MaxData)) }

func (c *Conn) packets(in *input) error {
	for {
		if err := in.fill(); err != nil {
			return err
		}
		for again := true; again; {
			list, snap, err := in.packets()
			if len(list) > 0 {
				if err := c.admit(); err != nil {
					return err
				}
			}
			if err := c.deliver(in, list, snap); err != nil {
				return err
			}
			if err != nil {
				return err
			}
			again = snap
		}
	}
}

// deliver hands in packets, and the stream behind the last of them if that is SNAP.
func (c *Conn) deliver(in *input, list []wire.QuorumPacket, snap bool) error {
	var last wire.QuorumPacket
	if snap {
		last, list = list[len(list)-1], list[:len(list)-1]
	}
	if len(list) > 0 {
		if err := c.h.Receive(list); err != nil {
			return err
		}
	}
	switch {
	case !snap:
		return nil
	case c.h.Snapshot == nil:
		return ErrSnapshot
	}
	return in.snapshot(func(r io.Reader) error { return c.h.Snapshot(last, r) })
}

// admit takes the connection out of the door when its first packet has come.
func (c *Conn) admit() error {
	c.arming.Lock()
	defer c.arming.Unlock()
	if c.firstBy.IsZero() {
		return nil
	}
	c.firstBy = time.Time{}
	c.nc.SetReadDeadline(c.deadline())
	if !c.leave() {
		return errCrowded
	}
	return nil
}
