package pipeline

import (
	"io"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// stream sends a learner the history that it lacks.
func (c *Core) stream(peers Peers, v Vault, to zab.Conn, st *zab.Stream) {
	rg := st.Range
	if st.First == wire.PacketSnap {
		rg.After = c.streamTree(peers, to)
	} else if st.First != 0 {
		peers.Send(to, wire.QuorumPacket{Type: st.First, Zxid: st.Zxid})
	}
	if rg.Empty() {
		return
	}
	peers.Stream(to, func(w io.Writer) error {
		if _, err := w.Write(nil); err != nil {
			return err // nobody is there any more
		}
		var b []byte
		err := v.Read(rg, func(z wire.Zxid, raw []byte) error {
			b = appendHistory(b, z, raw, st.Inform)
			if len(b) < streamChunk {
				return nil
			}
			_, err := w.Write(b)
			b = b[:0]
			return err
		})
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	})
}

// streamChunk is how much of a history is written at a time, bytes.
const streamChunk = 64 << 10

func appendHistory(b []byte, z wire.Zxid, raw []byte, inform bool) []byte {
	p := wire.QuorumPacket{Type: wire.PacketProposal, Zxid: z, Data: raw}
	if inform {
		p.Type = wire.PacketInform
		return p.AppendTo(b)
	}
	commit := wire.QuorumPacket{Type: wire.PacketCommit, Zxid: z}
	return commit.AppendTo(p.AppendTo(b))
}

// streamTree sends the tree as it is now, while the server goes on, and returns the
// zxid at which that is.
func (c *Core) streamTree(peers Peers, to zab.Conn) wire.Zxid {
	var snap *datatree.Snapshot
	c.Exclusive(func(t *datatree.Tree) { snap = t.Snapshot(datatree.Stream) })
	z := snap.Zxid()
	peers.Send(to, wire.QuorumPacket{Type: wire.PacketSnap, Zxid: z})
	peers.Stream(to, func(w io.Writer) error {
		defer c.Exclusive(func(*datatree.Tree) { snap.Close() })
		for {
			var part []byte
			c.View(func(*datatree.Tree) { part = snap.Step(snapshotStep) })
			if part == nil {
				return nil
			}
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
	})
	return z
}

// snapshotStep is how much of a snapshot is encoded at a time while no writes go
// on, bytes.
const snapshotStep = 256 << 10
