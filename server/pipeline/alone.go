package pipeline

import (
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// alone is the role of a server whose quorum is itself: what is in its log is
// decided.
type alone struct{ *Core }

func (r alone) submit(req *Request) {
	if req.Op == wire.OpSync {
		r.inflight.push(proposal{req: req, zxid: r.prep.LastZxid(), at: r.Now()})
		return
	}
	if p, ok := r.prepare(req); ok {
		r.inflight.push(p)
		r.batch = append(r.batch, zab.Txn{Zxid: p.zxid, Raw: p.txn.Raw})
		if len(r.batch) >= handOverBatch {
			r.flush()
			r.writer.summon()
		}
	}
}

func (r alone) resume(cl *Client, h *handshake) {
	if !r.tracker.Touch(h.renew, h.timeout, r.millis()) {
		cl.refuseSession(h)
		return
	}
	r.adopt(cl, h)
}

func (alone) tick(int64) {}

func (alone) decides() bool { return true }

func (r alone) applied(h wire.TxnHeader, body wire.Record, _ *wire.TxnDigest) {
	r.sessionTracked(h, body)
}

// handOverBatch is how many transactions the log gets at once, so that it need not
// wait for the preparation of all that came with them.
const handOverBatch = 128

// flush gives the batch's transactions to the log.
func (r alone) flush() {
	if len(r.batch) == 0 {
		return
	}
	r.metrics.ProposalCount.Add(0, int64(len(r.batch)))
	z := r.batch[len(r.batch)-1].Zxid
	r.writer.put(r.batch, message{decided: z})
	clear(r.batch)
	r.batch = r.batch[:0]
}
