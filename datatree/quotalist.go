package datatree

import "iter"

// A QuotaState is a quota and what is used of it. Limits are -1 where there is
// none; a hard limit stands in for the soft one.
type QuotaState struct {
	Path               string
	MaxCount, MaxBytes int64
	Count, Bytes       int64
}

// Quotas iterates over the quotas, in no order that lasts.
func (t *Tree) Quotas() iter.Seq[QuotaState] {
	return func(yield func(QuotaState) bool) {
		for s := quotaSlot; s != 0; s = t.following(quotaSlot, s) {
			n := t.nodes.at(s)
			if t.name(n) != limitsNode || n.parent == quotaSlot {
				continue
			}
			if stats := t.child(n.parent, statsNode); stats != 0 && !yield(t.quotaState(s, stats)) {
				return
			}
		}
	}
}

func (t *Tree) quotaState(limitsSlot, statsSlot uint32) QuotaState {
	limits, used := t.quotaText(limitsSlot), t.quotaText(statsSlot)
	path := string(t.appendPath(nil, t.nodes.at(limitsSlot).parent))
	return QuotaState{
		Path:     path[len(quotaPath):],
		MaxCount: limits.check("count", "countHardLimit", 0, 0).Max,
		MaxBytes: limits.check("bytes", "byteHardLimit", 0, 0).Max,
		Count:    used.get("count"),
		Bytes:    used.get("bytes"),
	}
}
