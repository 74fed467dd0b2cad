package zab

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// A History is a server's own log, as far as a machine asks about it. A
// *txnlog.Log is one. Between Base and its end it has no gap.
type History interface {
	// Base is the zxid before the first transaction: where the last snapshot
	// that replaced the log stood, or up to where it was purged.
	Base() wire.Zxid
	// Floor is the largest zxid of the log not above z, which may be Base. It
	// fails for a z below Base.
	Floor(z wire.Zxid) (wire.Zxid, error)
}

// A horizon is what a leader has to offer to a learner.
type horizon struct {
	epoch    wire.Epoch
	initial  wire.Zxid // end of the initial history of the epoch
	end      wire.Zxid // everything up to here is sent; initial, or the last transaction committed
	proposed wire.Zxid // the last proposal of this epoch, or initial
}

// planSync decides how to bring a learner, whose log ends at peer, to the horizon:
// with a DIFF or a TRUNC only if it is proved that the learner then has the same
// history.
//
// What proves it: a zxid names one transaction, and whoever has it got all
// before it from the same leader, or from one that had them. So
//   - a zxid that is in both logs ends equal histories;
//   - a learner that has transaction n of an epoch, whose transaction m < n is in
//     our log and not the next one, has m too: TRUNC to m;
//   - epoch<<32, which no transaction bears, is where a learner stands that got the
//     initial history of that epoch. We know what that is if the epoch is ours,
//     or if we hold its first transaction.
func planSync(log History, peer wire.Zxid, h horizon) Stream {
	switch {
	case peer == h.end:
		return diff(peer, h.end)
	case peer <= 0:
		return snap(h.end)
	case peer.Epoch() == h.epoch:
		return h.planOwnEpoch(log, peer)
	case peer.Epoch() > h.epoch:
		return snap(h.end)
	}
	return h.planOlder(log, peer)
}

// planOwnEpoch is for a learner that was with us before.
func (h horizon) planOwnEpoch(log History, peer wire.Zxid) Stream {
	switch {
	case peer.Counter() == 0 && h.initial >= log.Base():
		return diff(h.initial, h.end)
	case peer.Counter() > 0 && peer <= h.end && peer >= log.Base():
		return diff(peer, h.end)
	case peer <= h.end:
		return snap(h.end) // the log was purged behind a checkpoint
	case peer <= h.proposed:
		// What it has beyond the end it gets again, as proposals.
		return trunc(h.end, h.end)
	}
	return snap(h.end)
}

func (h horizon) planOlder(log History, peer wire.Zxid) Stream {
	floor, err := log.Floor(min(peer, h.initial))
	if err != nil {
		return snap(h.end)
	}
	switch {
	case floor == peer:
		return diff(peer, h.end)
	case peer.Counter() == 0:
		first := peer + 1
		if at, err := log.Floor(min(first, h.initial)); err != nil || at != first {
			return snap(h.end)
		}
		return diff(floor, h.end)
	case floor.Epoch() == peer.Epoch() && floor.Counter() > 0:
		return trunc(floor, h.end)
	}
	return snap(h.end)
}

func diff(after, end wire.Zxid) Stream {
	if plant.In(plant.DiffWithHole) && end > after+1 && after.Epoch() == end.Epoch() {
		after++
	}
	return Stream{First: wire.PacketDiff, Zxid: end, Range: Range{after, end}}
}

func trunc(keep, end wire.Zxid) Stream {
	return Stream{First: wire.PacketTrunc, Zxid: keep, Range: Range{keep, end}}
}

func snap(end wire.Zxid) Stream {
	return Stream{First: wire.PacketSnap, Zxid: wire.NoZxid, Range: Range{wire.NoZxid, end}}
}
