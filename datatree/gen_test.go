package datatree

import (
	"fmt"
	"math/rand/v2"

	"github.com/zabra/zabra/wire"
)

const genSessions = 4

// A gen makes random transactions over few names, so that they meet. Versions
// are what a leader would put in; about a tenth of the transactions do not fit
// the tree.
type gen struct {
	r    *rand.Rand
	tr   *Tree // what the transactions are made for
	zxid wire.Zxid
	live bool // only what a leader could produce
}

func newGen(seed uint64, tr *Tree) *gen {
	return &gen{r: rand.New(rand.NewPCG(seed, 1)), tr: tr, zxid: tr.LastZxid()}
}

var genACLs = [][]wire.ACL{
	open, wire.WorldAnyone(wire.PermRead),
	{{Perms: 31, ID: wire.ID{Scheme: "digest", ID: "a:b"}}},
	{{Perms: 1, ID: wire.ID{Scheme: "ip", ID: "10.0.0.0/8"}}, {Perms: 31, ID: wire.ID{Scheme: "digest", ID: "c:d"}}},
}

func (g *gen) acl() []wire.ACL { return genACLs[g.r.IntN(len(genACLs))] }

func (g *gen) path() string {
	if g.r.IntN(25) == 0 {
		return quotaPath + []string{"/a", "/a/b", "/c"}[g.r.IntN(3)]
	}
	if g.r.IntN(25) == 0 {
		return quotaPath + []string{"/a", "/a/b", "/c"}[g.r.IntN(3)] + []string{"/zookeeper_limits", "/zookeeper_stats"}[g.r.IntN(2)]
	}
	p := ""
	for range 1 + g.r.IntN(4) {
		p += "/" + string(rune('a'+g.r.IntN(4)))
	}
	if g.r.IntN(8) == 0 {
		p += fmt.Sprintf("-%0*d", g.r.IntN(200), g.r.IntN(9))
	}
	return p
}

func (g *gen) data() []byte {
	switch g.r.IntN(10) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return make([]byte, g.r.IntN(5000))
	case 3:
		if g.r.IntN(10) == 0 {
			return make([]byte, largestClass-50+g.r.IntN(5000))
		}
	}
	return []byte(fmt.Sprintf("%0*d", g.r.IntN(60), g.r.IntN(1000)))
}

// next returns a transaction, encoded and decoded again.
func (g *gen) next() wire.Txn {
	g.zxid++
	h := wire.TxnHeader{Session: wire.SessionID(1 + g.r.IntN(genSessions)), Cxid: 1, Zxid: g.zxid, Time: int64(1000 + g.zxid)}
	var body wire.Record
	switch g.r.IntN(40) {
	case 0:
		h.Op, body = wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: g.r.Int32N(10000)}
	case 1:
		var listed []string
		if owned := g.tr.Ephemerals(h.Session); g.r.IntN(2) == 0 && len(owned) > 0 {
			listed = owned[:1+g.r.IntN(len(owned))]
		}
		if g.live {
			listed = g.tr.Ephemerals(h.Session) // without the list a fuzzy replay cannot be exact
		}
		h.Op, body = wire.OpCloseSession, &wire.CloseSessionTxn{Paths: listed}
	case 2:
		h.Op, body = wire.OpError, &wire.ErrorTxn{Err: wire.NoNode}
	case 3, 4, 5, 6:
		h.Op, body = wire.OpMulti, g.multi(h)
	default:
		h.Op, body = g.simple(h)
	}
	raw := wire.EncodeTxn(nil, h, body)
	txn, err := wire.DecodeTxn(raw.Raw)
	if err != nil {
		panic(err)
	}
	return txn
}

func (g *gen) multi(h wire.TxnHeader) *wire.MultiTxn {
	m := &wire.MultiTxn{}
	if g.live {
		return m // a leader's multi depends on its own first operations
	}
	for range g.r.IntN(4) {
		op, body := g.simple(h)
		if op == wire.OpSetACL {
			op, body = wire.OpCheck, &wire.CheckVersionTxn{Path: "/a"}
		}
		if g.r.IntN(15) == 0 {
			op, body = wire.OpError, &wire.ErrorTxn{Err: wire.BadVersion}
		}
		m.Txns = append(m.Txns, wire.SubTxn{Op: op, Data: body.AppendTo(nil)})
	}
	return m
}

func (g *gen) simple(h wire.TxnHeader) (wire.OpCode, wire.Record) {
	p := g.path()
	n, ok := g.tr.Find(p)
	fits := g.live || g.r.IntN(10) > 0
	switch g.r.IntN(8) {
	case 0, 1, 2, 3:
		if fits && ok {
			return g.set(n, p)
		}
		return g.create(p)
	case 4, 5:
		if fits && (!ok || g.tr.NumChildren(n) > 0 || uint32(n) <= configSlot) {
			return wire.OpCheck, &wire.CheckVersionTxn{Path: p}
		}
		return wire.OpDelete, &wire.DeleteTxn{Path: p}
	case 6:
		if !ok {
			return wire.OpSetACL, &wire.SetACLTxn{Path: p, ACL: g.acl(), Aversion: 3}
		}
		return wire.OpSetACL, &wire.SetACLTxn{Path: p, ACL: g.acl(), Aversion: g.tr.Stored(n).Aversion + 1}
	}
	if !ok {
		return wire.OpSetData, &wire.SetDataTxn{Path: p, Data: g.data(), Version: 1}
	}
	return g.set(n, p)
}

func (g *gen) set(n Node, p string) (wire.OpCode, wire.Record) {
	return wire.OpSetData, &wire.SetDataTxn{Path: p, Data: g.data(), Version: g.tr.Stored(n).Version + 1}
}

func (g *gen) create(p string) (wire.OpCode, wire.Record) {
	pcv := int32(-1)
	if parent, ok := g.tr.Find(up(p)); ok {
		if g.live && g.tr.Ephemeral(parent) {
			return wire.OpCheck, &wire.CheckVersionTxn{Path: p}
		}
		pcv = g.tr.Stored(parent).Cversion + 1
	} else if g.live {
		return wire.OpCheck, &wire.CheckVersionTxn{Path: p}
	}
	switch g.r.IntN(6) {
	case 0:
		return wire.OpCreate, &wire.CreateTxn{Path: p, Data: g.data(), ACL: g.acl(), Ephemeral: true, ParentCversion: pcv}
	case 1:
		return wire.OpCreateContainer, &wire.CreateContainerTxn{Path: p, Data: g.data(), ACL: g.acl(), ParentCversion: pcv}
	case 2:
		return wire.OpCreateTTL, &wire.CreateTTLTxn{Path: p, Data: g.data(), ACL: g.acl(), ParentCversion: pcv, TTL: 1000}
	}
	return wire.OpCreate2, &wire.CreateTxn{Path: p, Data: g.data(), ACL: g.acl(), ParentCversion: pcv}
}
