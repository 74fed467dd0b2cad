package election

import (
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A twin is ZooKeeper's election as the reference describes it, quirks included:
// it always waits before it decides and throws away what it hears meanwhile, does
// not tell a late voter the better vote, and tells nobody how it ended. Mixed
// ensembles of Machines and twins stand for those of Zabra and ZooKeeper.
type twin struct {
	opts   Options
	own    Own
	active quorum.Active
	state  wire.ServerState
	clock  int64

	initial, proposal Vote
	recv, out         map[wire.SID]ballot
	current           ballot
	timeout           int64
	wake              int64 // end of the poll
	finalizing        bool
	output            Output
}

func newTwin(opts Options) *twin { return &twin{opts: opts} }

func (w *twin) Start(now int64, own Own, active quorum.Active) {
	w.own, w.active, w.state = own, active, wire.Looking
	w.clock++
	w.recv, w.out = map[wire.SID]ballot{}, map[wire.SID]ballot{}
	w.initial = Vote{w.opts.ID, own.LastLogged, int64(own.CurrentEpoch)}
	if own.Untrusted {
		w.initial.Zxid = wire.NoZxid
	}
	if own.Observer || !active.Committed.IsVoter(w.opts.ID) {
		w.initial = noVote
	}
	w.proposal = w.initial
	w.timeout, w.finalizing = 200, false
	w.wake = now + w.timeout
	w.sendAll(now)
}

// sendAll sends the proposal to all voters, this server among them.
func (w *twin) sendAll(now int64) {
	self := false
	for _, id := range w.active.Voters() {
		if id == w.opts.ID {
			self = true
			continue
		}
		w.send(id, w.cast())
	}
	if self {
		w.process(now, w.opts.ID, w.cast())
	}
}

func (w *twin) cast() ballot { return ballot{Vote: w.proposal, round: w.clock, state: wire.Looking} }

func (w *twin) send(to wire.SID, b ballot) {
	w.output.Messages = append(w.output.Messages, Message{to, wire.Notification{State: b.state, Leader: b.Leader,
		Zxid: b.Zxid, Round: b.round, PeerEpoch: b.PeerEpoch, Version: 2}})
}

// Receive is the receiver thread: it answers, and queues for the election.
func (w *twin) Receive(now int64, from wire.SID, n *wire.Notification) {
	b := ballotOf(n)
	mine := w.current
	if w.state == wire.Looking {
		mine = w.cast()
	}
	if !w.active.IsVoter(from) {
		mine.round = w.clock
		w.send(from, mine)
		return
	}
	if w.state != wire.Looking {
		if b.state == wire.Looking {
			w.send(from, mine)
		}
		return
	}
	if b.state == wire.Looking && b.round < w.clock {
		w.send(from, mine)
	}
	if w.finalizing {
		w.wake = now + 200
		if !w.beats(b.Vote, w.proposal) {
			return
		}
		w.finalizing = false
	}
	w.wake = now + w.timeout
	w.process(now, from, b)
}

func (w *twin) beats(v, over Vote) bool {
	return w.active.Committed.Weight(v.Leader) != 0 && v.compare(over) > 0
}

func (w *twin) process(now int64, from wire.SID, b ballot) {
	if !w.active.IsVoter(from) || !w.active.IsVoter(b.Leader) {
		return
	}
	switch b.state {
	case wire.Looking:
		w.processLooking(now, from, b)
	case wire.Following, wire.Leading:
		w.processSettled(from, b)
	}
}

func (w *twin) processLooking(now int64, from wire.SID, b ballot) {
	if w.initial.Zxid == wire.NoZxid || b.Zxid == wire.NoZxid {
		return
	}
	switch {
	case b.round > w.clock:
		w.clock = b.round
		clear(w.recv)
		w.proposal = w.initial
		if w.beats(b.Vote, w.initial) {
			w.proposal = b.Vote
		}
		w.sendAll(now)
	case b.round < w.clock:
		return
	case w.beats(b.Vote, w.proposal):
		w.proposal = b.Vote
		w.sendAll(now)
	}
	if w.state != wire.Looking {
		return
	}
	w.recv[from] = b
	if w.quorum(w.recv, w.cast()) {
		w.finalizing, w.wake = true, now+200
	}
}

func (w *twin) quorum(votes map[wire.SID]ballot, b ballot) bool {
	return w.active.HasQuorum(func(id wire.SID) bool {
		v, ok := votes[id]
		return ok && b.supports(v)
	})
}

func (w *twin) processSettled(from wire.SID, b ballot) {
	if b.round == w.clock {
		in := b
		in.version = 0
		w.recv[from] = in
		if w.quorum(w.recv, b) && w.checkLeader(w.recv, b) {
			w.leave(b, Joined)
			return
		}
	}
	w.out[from] = b
	if w.quorum(w.out, b) && w.checkLeader(w.out, b) {
		w.clock = b.round
		w.leave(b, Joined)
	}
}

func (w *twin) checkLeader(votes map[wire.SID]ballot, b ballot) bool {
	if b.Leader == w.opts.ID {
		return w.clock == b.round
	}
	return votes[b.Leader].state == wire.Leading
}

func (w *twin) leave(b ballot, basis Basis) {
	w.state = wire.Following
	if w.own.Observer {
		w.state = wire.Observing
	}
	if b.Leader == w.opts.ID {
		w.state = wire.Leading
	}
	w.finalizing = false
	w.current = ballot{Vote: b.Vote, round: b.round, state: w.state, version: 2}
	w.output.Decision = &Decision{State: w.state, Vote: b.Vote, Round: b.round, Basis: basis}
}

func (w *twin) Tick(now int64) {
	if w.state != wire.Looking || now < w.wake {
		return
	}
	if w.finalizing {
		w.leave(w.cast(), Waited)
		return
	}
	w.timeout = min(2*w.timeout, 60_000)
	w.wake = now + w.timeout
	w.sendAll(now)
}

func (w *twin) Reconfigure(_ int64, active quorum.Active) { w.active = active }

func (w *twin) Settle(state wire.ServerState, leader wire.SID, zxid wire.Zxid) {
	w.state = state
	w.current = ballot{Vote: Vote{leader, zxid, w.current.PeerEpoch}, round: w.clock, state: state, version: 2}
}

func (w *twin) Deadline() (int64, bool)     { return w.wake, w.state == wire.Looking }
func (w *twin) Unreachable(int64, wire.SID) {}
func (w *twin) Reachable(wire.SID)          {}
func (w *twin) Synced(epoch wire.Epoch)     { w.current.PeerEpoch = int64(epoch) }
func (w *twin) State() wire.ServerState     { return w.state }
func (w *twin) Round() int64                { return w.clock }
func (w *twin) Take() Output                { out := w.output; w.output = Output{}; return out }
func (w *twin) Vote() Vote {
	if w.state == wire.Looking {
		return w.proposal
	}
	return w.current.Vote
}
