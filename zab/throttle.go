package zab

import "github.com/zabra/zabra/wire"

// A Throttle bounds how many learners are brought up to date at once; 0 is no limit. It
// makes observers wait. Followers are counted and never wait: a quorum may need them.
type Throttle struct {
	Snaps int // with a snapshot
	Diffs int // with DIFF or TRUNC
}

// full reports whether an observer has to wait for a synchronisation that begins with
// a packet.
func (t Throttle) full(peers []*peer, first wire.PacketType) bool {
	limit := t.Diffs
	if first == wire.PacketSnap {
		limit = t.Snaps
	}
	n := 0
	for _, p := range peers {
		if p.stage == syncing && (p.first == wire.PacketSnap) == (first == wire.PacketSnap) {
			n++
		}
	}
	return limit > 0 && n >= limit
}

// admit synchronises the observers that have waited, as far as there is room.
func (l *Leader) admit() {
	if l.phase < synchronising || l.phase == leaderStopped {
		return
	}
	for _, p := range l.peers {
		if p.stage == promised {
			l.synchronise(p)
		}
	}
}
