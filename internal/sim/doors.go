package sim

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// A door is a client's connection, as a server's goroutine for it has it. The core
// writes to it (pipeline.Socket).
type door struct {
	*server
	end      *simnet.End
	client   *pipeline.Client
	in       []byte          // not taken by the client yet
	answered <-chan struct{} // of the handshake; nil before
	open     bool            // it was answered
	over     bool
}

var errNotConnected = errors.New("the client is gone")

func (s *server) acceptClient(e *simnet.End) {
	d := &door{server: s, end: e}
	ip := wire.ID{Scheme: "ip", ID: "127.0.0.1"}
	d.client = s.core.NewClient(d, "client", auth.Peer{IP: ip})
	s.doors = append(s.doors, d)
	e.OnMessage = func(m any) {
		s.do(func() {
			d.in = append(d.in, m.([]byte)...)
			d.goOn()
		})
	}
	e.OnClose = func() { s.do(d.gone) }
}

// goOn takes what has come as far as that goes.
func (d *door) goOn() {
	if d.over || !d.up() {
		return
	}
	if d.answered == nil && !d.greet() {
		return
	}
	if !d.open && !d.greeted() {
		return
	}
	used, _, err := d.client.Handle(d.in, d.core.Now())
	d.in = d.in[used:]
	d.client.Flush(true)
	d.wake()
	if err != nil {
		d.hangUp()
	}
}

// greet begins the handshake.
func (d *door) greet() bool {
	frame, rest, _, err := pipeline.NextFrame(d.in, wire.DefaultMaxFrame)
	if frame == nil && err == nil {
		return false
	}
	var r wire.ConnectRequest
	dec := wire.NewDecoder(frame)
	if r.DecodeFrom(&dec); err != nil || dec.Err() != nil {
		d.cluster.fail("wire", "server %d cannot read a connect request: %v", d.id, errors.Join(err, dec.Err()))
		return false
	}
	if !d.core.Serving() {
		d.hangUp()
		return false
	}
	if d.answered, err = d.client.Begin(&r); err != nil {
		d.hangUp()
		return false
	}
	d.in = rest
	d.wake()
	return true
}

// greeted reports whether the handshake was answered.
func (d *door) greeted() bool {
	select {
	case <-d.answered:
		d.open = true
		d.client.Flush(true)
	default:
	}
	return d.open
}

// lookAtDoors goes on where something waited for the core.
func (s *server) lookAtDoors() {
	for _, d := range append([]*door(nil), s.doors...) {
		if d.answered != nil && (!d.open || len(d.in) >= 4 && len(d.in) >= 4+int(binary.BigEndian.Uint32(d.in))) {
			d.goOn()
		}
	}
}

// gone ends the goroutine of the connection.
func (d *door) gone() {
	if d.over || !d.up() {
		return
	}
	d.over = true
	for i, o := range d.doors {
		if o == d {
			d.server.doors = append(d.doors[:i:i], d.doors[i+1:]...)
			break
		}
	}
	d.client.Gone()
	d.wake()
}

// hangUp closes the connection; its goroutine finds out.
func (d *door) hangUp() {
	d.end.Close()
	d.kernel.After(d.soon(), d.life, func() { d.do(d.gone) })
}

// TryWrite writes what the core has for the client.
func (d *door) TryWrite(b []byte) (int, error) {
	if d.end.Closed() || !d.up() {
		return 0, errNotConnected
	}
	d.end.Send(bytes.Clone(b))
	return len(b), nil
}

// Write is TryWrite: the network takes everything.
func (d *door) Write(b []byte) (int, error) { return d.TryWrite(b) }

// Finish ends the connection behind what was written.
func (d *door) Finish() { d.hangUp() }

// Close ends it at once.
func (d *door) Close() error {
	d.hangUp()
	return nil
}

// Abort is Close.
func (d *door) Abort() error { return d.Close() }
