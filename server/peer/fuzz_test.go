package peer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A drip delivers its bytes in pieces of the given size.
type drip struct {
	b     []byte
	piece int
	most  int // the largest room that a read has offered
}

func (d *drip) Read(p []byte) (int, error) {
	if len(d.b) == 0 {
		return 0, io.EOF
	}
	d.most = max(d.most, len(p))
	n := copy(p, d.b[:min(d.piece, len(d.b))])
	d.b = d.b[n:]
	return n, nil
}

// split is the oracle for election streams: the initial message and the frames that
// are complete, cut from all bytes at once.
func split(b []byte) (m wire.InitialMessage, ok bool, frames [][]byte) {
	m, n, err := wire.DecodeInitialMessage(b)
	if err != nil {
		return m, false, nil
	}
	for b = b[n:]; len(b) >= 4; {
		n := int32(binary.BigEndian.Uint32(b))
		if n <= 0 || n > wire.MaxNotification || int(n) > len(b)-4 {
			break
		}
		frames = append(frames, b[4:4+n])
		b = b[4+n:]
	}
	return m, true, frames
}

func FuzzElectionStream(f *testing.F) {
	f.Add(append(initial(f, 2, "127.0.0.1:31832"), frame(1)...), uint16(1))
	f.Add(append([]byte{0, 0, 0, 0, 0, 0, 0, 4}, frame(1)...), uint16(5))
	f.Add(append(initial(f, 2, "a:1", "b:2"), append([]byte{0, 0, 0, 1, 0}, frame(2)...)...), uint16(1000))
	f.Add(append(initial(f, 2, "a:1"), 0, 8, 0, 0, 1), uint16(3))
	f.Add(append(initial(f, 2, "a:1"), 0xff, 0, 0, 0), uint16(3))
	f.Fuzz(func(t *testing.T, b []byte, piece uint16) {
		want, ok, frames := split(b)
		src := &drip{b: b, piece: int(piece) + 1}
		br := bufio.NewReaderSize(src, initialBuffer)
		m, err := readInitial(br)
		if (err == nil) != ok {
			t.Fatalf("initial message: %v, oracle says %v", err, ok)
		}
		if err != nil {
			return
		}
		if m.SID != want.SID || len(m.Addresses) != len(want.Addresses) {
			t.Fatalf("initial message %v, want %v", m, want)
		}
		usable(m.Addresses)
		for _, want := range frames {
			got, err := readFrame(br)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("frame %x, %v; want %x", got, err, want)
			}
			_, _ = wire.DecodeNotification(got)
		}
		if got, err := readFrame(br); err == nil {
			t.Fatalf("a frame %x too many", got)
		}
		if src.most > 2*len(b)+trusted {
			t.Fatalf("room for %d bytes, of %d", src.most, len(b))
		}
	})
}

// fuzzLimit is the bound of packets in the fuzz test.
const fuzzLimit = 1 << 20

// cut is the oracle for packet streams: the packets that are complete, cut from all
// bytes at once. Behind a SNAP up to skip bytes are no packets.
func cut(b []byte, skip int) (packets []wire.QuorumPacket, err error) {
	for {
		n, whole, err := wire.PacketLen(b, fuzzLimit)
		if err != nil || !whole {
			return packets, err
		}
		d := wire.NewDecoder(b[:n])
		var p wire.QuorumPacket
		if p.DecodeFrom(&d); d.Err() != nil {
			return packets, d.Err()
		}
		packets, b = append(packets, p), b[n:]
		if p.Type == wire.PacketSnap {
			if len(b) < skip {
				return packets, io.ErrUnexpectedEOF
			}
			b = b[skip:]
		}
	}
}

func FuzzPacketStream(f *testing.F) {
	var all []byte
	for _, p := range []wire.QuorumPacket{
		packet(1, 0), packet(2, 300), {Type: wire.PacketSnap, Zxid: 3}, packet(4, 70_000),
		{Type: wire.PacketRequest, Zxid: -1, Auth: []wire.ID{{Scheme: "ip", ID: "127.0.0.1"}, {Scheme: "digest", ID: "a:b"}}},
		{Type: wire.PacketPing, Zxid: 9, Data: []byte{}, Auth: []wire.ID{}},
	} {
		all = p.AppendTo(all)
	}
	f.Add(all, uint16(0), uint16(0))
	f.Add(all, uint16(6), uint16(3))
	f.Add(all, uint16(5000), uint16(100))
	snap := (&wire.QuorumPacket{Type: wire.PacketSnap}).AppendTo(nil)
	f.Add(slices.Concat(snap, make([]byte, 100), all[:20], snap, make([]byte, 100), all[:20]), uint16(5000), uint16(100))
	f.Add(all[:len(all)-3], uint16(60000), uint16(1))
	f.Add(bytes.Repeat((&wire.QuorumPacket{Type: wire.PacketAck}).AppendTo(nil), 500), uint16(65535), uint16(0))
	f.Add([]byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0f, 0xff, 0xff, 1, 2, 3}, uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, piece, skip uint16) {
		want, wantErr := cut(b, int(skip))
		src := &drip{b: b, piece: int(piece) + 1}
		got, err := readAll(newInput(src, fuzzLimit), int(skip))
		checkPackets(t, got, want)
		var size *wire.PacketSizeError
		if errors.As(err, &size) != errors.As(wantErr, &size) {
			t.Fatalf("ended with %v, oracle with %v", err, wantErr)
		}
		if src.most > 2*len(b)+2*largeChunk {
			t.Fatalf("room for %d bytes, of %d", src.most, len(b))
		}
	})
}

// readAll reads packets as a Conn does, until the stream ends.
func readAll(in *input, skip int) (got []wire.QuorumPacket, err error) {
	c := &Conn{h: Handler{
		Receive: func(p []wire.QuorumPacket) error {
			got = append(got, p...)
			return nil
		},
		Snapshot: func(p wire.QuorumPacket, r io.Reader) error {
			got = append(got, p)
			_, err := io.ReadFull(r, make([]byte, skip))
			return err
		},
	}}
	return got, c.packets(in)
}
