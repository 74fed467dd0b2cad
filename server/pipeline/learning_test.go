package pipeline

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// A transaction that says what the tree should be is compared with it, but not one of
// those that a snapshot may have run ahead of.
func TestLearnerComparesItsTree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rig := newCoreRig(t, Options{})
		defer rig.close()
		var told []wire.Zxid
		r := &learning{Core: rig.core, trusted: 5, report: Report{
			Mismatch: func(z wire.Zxid, _, _ uint64) { told = append(told, z) },
		}}
		right := &wire.TxnDigest{Version: 2, Digest: int64(rig.core.tree.Digest())}
		wrong := &wire.TxnDigest{Version: 2, Digest: right.Digest + 1}
		r.verify(4, wrong)
		r.verify(5, wrong)
		r.verify(6, right)
		r.verify(7, nil)
		if len(told) > 0 {
			t.Fatalf("told of %v", told)
		}
		r.verify(8, wrong)
		r.verify(9, wrong)
		if len(told) != 1 || told[0] != 8 {
			t.Errorf("told of %v, want 8 once", told)
		}
		if n := rig.core.metrics.DigestMismatches.Load(); n != 2 {
			t.Errorf("counted %d, want 2", n)
		}
	})
}
