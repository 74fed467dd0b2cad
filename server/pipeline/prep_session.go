package pipeline

import (
	"slices"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

func (p *Preparer) createSession(h wire.TxnHeader, req *Request) wire.Txn {
	r, ok := req.Body.(*wire.CreateSessionTxn)
	if !ok {
		return p.fail(h, wire.MarshallingError)
	}
	if p.overlay.sessions[h.Session].phase == sessionClosing {
		return p.fail(h, wire.SessionExpired)
	}
	p.overlay.putSession(h.Zxid, h.Session, sessionOpening)
	return p.seal(h, &wire.CreateSessionTxn{Timeout: r.Timeout})
}

// closeSession ends a session, which need not exist: no later write of it gets
// through. The transaction lists every ephemeral node that the session will
// own when it is applied, unless that would make it too long: the tree knows
// them too, and the end of a session cannot be refused.
func (p *Preparer) closeSession(h wire.TxnHeader) wire.Txn {
	p.paths = p.ephemerals(p.paths[:0], h.Session)
	body := &wire.CloseSessionTxn{Paths: p.paths}
	if body.Paths == nil {
		body.Paths = []string{}
	}
	txn := p.sealClose(h, body)
	for _, path := range body.Paths {
		var parent nodeState
		p.node(parentOf(path), &parent)
		parent.children--
		p.overlay.put(h.Zxid, path, nodeState{})
		p.overlay.put(h.Zxid, parentOf(path), parent)
	}
	p.releasePaths()
	p.overlay.putSession(h.Zxid, h.Session, sessionClosing)
	return txn
}

// sealClose encodes the list of nodes if it is not too long, and else none, as
// ZooKeeper's older servers do.
func (p *Preparer) sealClose(h wire.TxnHeader, body *wire.CloseSessionTxn) wire.Txn {
	if bodySize(body) <= p.opts.maxBody() {
		return p.seal(h, body)
	}
	txn := wire.EncodeTxn(make([]byte, 0, txnHeaderSize), h, noBody{})
	txn.Body = &wire.CloseSessionTxn{}
	return txn
}

// A noBody is the record of a transaction that is all header.
type noBody struct{}

func (noBody) AppendTo(b []byte) []byte { return b }
func (noBody) DecodeFrom(*wire.Decoder) {}

// ephemerals appends to paths what session s owns, applied or under way,
// sorted.
func (p *Preparer) ephemerals(paths []string, s wire.SessionID) []string {
	for _, path := range p.tree.Ephemerals(s) {
		if _, changed := p.overlay.nodes[path]; !changed || p.overlay.owns(s, path) {
			paths = append(paths, path)
		}
	}
	if plant.In(plant.EphemeralMissedInView) {
		return paths
	}
	paths = p.overlay.ephemerals(paths, s)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// releasePaths lets go of the strings in the scratch slice, and of the slice
// itself after a session with very many ephemeral nodes.
func (p *Preparer) releasePaths() {
	clear(p.paths)
	if cap(p.paths) > keepTouches {
		p.paths = nil
	}
}
