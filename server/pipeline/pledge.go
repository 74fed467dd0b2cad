package pipeline

import (
	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/zab"
)

// A pledge is what a role does with the writes of a Ready, and what it may say once
// they are durable.
type pledge struct {
	vault     Vault
	peers     Peers
	parcel    *parcel
	persisted func(id uint64)       // tells the machine
	install   func() *datatree.Tree // makes a snapshot that was received the tree
}

// perform hands the writes of a Ready to the log. When they, and all before them, are
// durable, what vouches for them is sent and the machine is told, unless the role is
// over by then.
func (c *Core) perform(r role, rd *zab.Ready, p pledge) {
	if len(rd.Writes) == 0 && len(rd.Then) == 0 {
		return
	}
	for i := range rd.Writes {
		w := &rd.Writes[i]
		switch w.Op {
		case zab.WriteTxns:
			c.writer.put(w.Txns)
		case zab.WriteTruncate:
			c.writer.do(func() error { return p.vault.Truncate(w.Zxid) })
		case zab.WriteSnapshot:
			t := p.install()
			c.writer.do(func() error { return p.vault.Replace(t) })
		default:
			c.writer.do(func() error { return p.vault.SetEpoch(w.Op, w.Epoch) })
		}
	}
	id, then := rd.ID, rd.Then
	c.writer.afterwards(c.within(r, func() {
		for i := range then {
			for pkt := range then[i].Packets() {
				p.parcel.add(then[i].To, pkt)
			}
		}
		p.parcel.send(p.peers)
		p.persisted(id)
	}))
}
