package election

import (
	"math"
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
	"pgregory.net/rapid"
)

// An input is one call of a method, to be made on more than one machine.
type input func(*Machine)

func drawInput(t *rapid.T, now int64, configs []quorum.Active) input {
	peer := wire.SID(rapid.Int64Range(0, 8).Draw(t, "peer"))
	switch rapid.IntRange(0, 11).Draw(t, "input") {
	case 0:
		own := Own{LastLogged: wire.Zxid(rapid.Int64Range(0, 6).Draw(t, "logged")), CurrentEpoch: wire.Epoch(rapid.Int32Range(0, 2).Draw(t, "epoch")),
			Untrusted: rapid.IntRange(0, 4).Draw(t, "untrusted") == 0, Fresh: rapid.Bool().Draw(t, "fresh"), Observer: rapid.IntRange(0, 4).Draw(t, "observer") == 0}
		active := rapid.SampledFrom(configs).Draw(t, "active")
		return func(m *Machine) { m.Start(now, own, active) }
	case 1:
		return func(m *Machine) { m.Tick(now) }
	case 2:
		if ms := rapid.Int64Range(-500, 500).Draw(t, "avoid"); ms > 0 {
			return func(m *Machine) { m.Avoid(now, peer, ms) }
		}
		return func(m *Machine) { m.Unreachable(now, peer) }
	case 3:
		return func(m *Machine) { m.Reachable(peer) }
	case 4:
		active := rapid.SampledFrom(configs).Draw(t, "active")
		return func(m *Machine) { m.Reconfigure(now, active) }
	case 5:
		return func(m *Machine) { m.Synced(3) }
	case 6:
		if rapid.IntRange(0, 3).Draw(t, "settle") > 0 {
			return func(m *Machine) { m.CanLead(func(wire.SID) bool { return false }) }
		}
		state := wire.ServerState(rapid.Int32Range(1, 3).Draw(t, "state"))
		return func(m *Machine) { m.Settle(state, peer, 5) }
	default:
		n := drawNotification(t)
		return func(m *Machine) { m.Receive(now, peer, n) }
	}
}

// TestMachineProperties gives a machine anything at all. It never panics, does the
// same as a second one, and what it does is sound by itself.
func TestMachineProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := wire.SID(rapid.Int64Range(1, 4).Draw(t, "id"))
		opts := Options{ID: id, Reconfig: rapid.Bool().Draw(t, "reconfig")}
		m, twin := New(opts), New(opts)
		now, round := int64(0), int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.Int64Range(0, 300).Draw(t, "ms")
			in := drawInput(t, now, simConfigs)
			looking, voteless := m.looking(), m.looking() && m.proposal == noVote
			in(m)
			in(twin)
			out := m.Take()
			if a, b := show(out), show(twin.Take()); a != b {
				t.Fatalf("got\n%sand\n%s", a, b)
			}
			checkSound(t, m, out, looking)
			if m.Round() < 0 || m.Round() > math.MaxInt64/2+100 {
				t.Fatalf("round %d", m.Round())
			}
			if m.looking() && looking && m.Round() < round && !voteless {
				t.Fatalf("the round fell from %d to %d", round, m.Round())
			}
			round = m.Round()
		}
	})
}

func claims(n *wire.Notification) bool { return ballotOf(n).claims() && n.Round == 0 }

// checkSound checks what holds for every output.
func checkSound(t *rapid.T, m *Machine, out Output, looking bool) {
	for _, msg := range out.Messages {
		n := msg.Notification
		if msg.To == m.opts.ID || n.Version != wire.NotificationVersion || len(n.Config) == 0 || !n.State.Valid() {
			t.Fatalf("%+v", msg)
		}
		if v := (Vote{n.Leader, n.Zxid, n.PeerEpoch}); n.State == wire.Looking && v != noVote && !(claims(&n) && m.holdsNothing()) && (v.abstains() || !m.active.IsVoter(v.Leader)) {
			t.Fatalf("votes for %s", v)
		}
	}
	if d := out.Decision; d != nil {
		if d.State == wire.Looking || d.State != m.State() || d.Vote != m.Vote() || !m.active.IsVoter(d.Vote.Leader) ||
			(d.State == wire.Leading) != (d.Vote.Leader == m.opts.ID) {
			t.Fatalf("%+v", d)
		}
		if d.State == wire.Leading && (m.own.Untrusted || m.own.Observer || d.Vote != m.initial) {
			t.Fatalf("leads: %+v", d)
		}
	}
	if out.Newer != nil && (!looking || !m.opts.Reconfig || out.Newer.Version <= m.active.Committed.Version) {
		t.Fatalf("newer %s", out.Newer)
	}
	if out.Deserted && m.State() != wire.Leading {
		t.Fatal("deserted by whom?")
	}
	if at, ok := m.Deadline(); ok != m.looking() || ok && at == never {
		t.Fatalf("deadline %d %v", at, ok)
	}
	if len(m.asked) > maxAsked {
		t.Fatalf("%d peers remembered", len(m.asked))
	}
}
