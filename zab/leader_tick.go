package zab

import "github.com/zabra/zabra/wire"

// Tick is called twice in every tickTime.
func (l *Leader) Tick() {
	if l.phase == leaderStopped {
		return
	}
	l.ticks++
	l.dropSilent()
	switch {
	case l.phase < broadcasting:
		if l.ticks-l.since > 2*l.cfg.InitLimit {
			l.stop(&TimeoutError{l.phase.String(), l.cfg.InitLimit})
		}
	case l.ticks%2 == 0 && !l.inContact():
		l.stop(l.successor())
	case l.disk.longerThan(2*l.cfg.SyncLimit, l.ticks):
		l.stop(&TimeoutError{"its own log to become durable", l.cfg.SyncLimit})
	case l.quorum.longerThan(3*l.cfg.SyncLimit, l.ticks):
		// The quorum of an earlier configuration may have gone with it.
		l.stop(&TimeoutError{"a quorum to acknowledge a proposal", l.cfg.SyncLimit})
	}
	if l.phase >= synchronising && l.phase != leaderStopped {
		l.sweepPings(2 * maxPings)
	}
}

// inContact reports whether a quorum has been heard from lately.
func (l *Leader) inContact() bool {
	return l.active.HasQuorum(func(id wire.SID) bool {
		return id == l.cfg.ID || l.anyPeer(id, func(p *peer) bool { return l.ticks <= p.deadline })
	})
}

// dropSilent drops the learners that say nothing, or do not keep up.
func (l *Leader) dropSilent() {
	for i := 0; i < len(l.peers); {
		p := l.peers[i]
		if err := l.tooSlow(p); err != nil {
			l.drop(p.conn, err)
			continue
		}
		i++
	}
}

func (l *Leader) tooSlow(p *peer) error {
	limit := l.cfg.InitLimit
	if p.stage >= synced {
		limit = l.cfg.SyncLimit
	}
	switch {
	case p.stage == told && l.phase == discovering, p.stage == promised && l.phase < synchronising, p.stage == synced && l.phase < broadcasting:
		return nil // it waits for us
	case l.ticks-p.heard > 2*limit && p.stage == promised:
		return &BusyError{p.sid}
	case l.ticks-p.heard > 2*limit:
		return &TimeoutError{"a word from the learner", limit}
	case p.behind.longerThan(2*l.cfg.SyncLimit, l.ticks):
		return &SlowError{p.sid, "it has not acknowledged a proposal for too long"}
	}
	return nil
}
