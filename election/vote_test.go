package election

import (
	"math"
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
	"pgregory.net/rapid"
)

func TestVoteOrder(t *testing.T) {
	// Ascending.
	votes := []Vote{
		noVote,
		{Leader: 9, Zxid: 0, PeerEpoch: 0},
		{Leader: 1, Zxid: 1, PeerEpoch: 0},
		{Leader: 2, Zxid: 1, PeerEpoch: 0},
		{Leader: 3, Zxid: math.MaxInt64, PeerEpoch: 0},
		{Leader: 1, Zxid: 0, PeerEpoch: 1},
		{Leader: 1, Zxid: wire.MakeZxid(1, 1), PeerEpoch: 1},
		{Leader: 1, Zxid: 0, PeerEpoch: 2},
	}
	for i, a := range votes {
		for j, b := range votes {
			if got := a.compare(b); (got > 0) != (i > j) || (got == 0) != (i == j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}

func TestBeatsNeedsWeight(t *testing.T) {
	c := must(quorum.New(0, members(3, 0).Servers, []quorum.Group{{ID: 1, Members: []wire.SID{1, 2, 3}}},
		[]quorum.Weight{{ID: 3, Weight: 0}}))
	m, _ := started(1, c, Own{})
	better := Vote{Leader: 3, Zxid: 9, PeerEpoch: 9}
	if m.beats(better, m.proposal) {
		t.Error("a server without weight wins")
	}
	if better.Leader = 2; !m.beats(better, m.proposal) {
		t.Error("a server with weight loses")
	}
	// The weights are those of the committed configuration.
	m.Reconfigure(0, quorum.Active{Committed: at(1, members(3, 0)), Proposed: at(2, c)})
	if better.Leader = 3; !m.beats(better, m.proposal) {
		t.Error("the weight of a configuration that is not committed counts")
	}
}

func TestSupports(t *testing.T) {
	look := ballot{Vote: Vote{Leader: 2, Zxid: 5, PeerEpoch: 1}, round: 4, state: wire.Looking, version: 2}
	with := func(b ballot, change func(*ballot)) ballot {
		change(&b)
		return b
	}
	follow := with(look, func(b *ballot) { b.state = wire.Following })
	for name, tt := range map[string]struct {
		a, b ballot
		want bool
	}{
		"both look":                   {look, look, true},
		"one looks, version aside":    {look, with(follow, func(b *ballot) { b.version = 0 }), true},
		"other leader":                {look, with(look, func(b *ballot) { b.Leader = 3 }), false},
		"other zxid":                  {look, with(look, func(b *ballot) { b.Zxid = 6 }), false},
		"other round":                 {look, with(look, func(b *ballot) { b.round = 5 }), false},
		"other epoch":                 {look, with(look, func(b *ballot) { b.PeerEpoch = 2 }), false},
		"one looks, other zxid":       {look, with(follow, func(b *ballot) { b.Zxid = 6 }), false},
		"one looks, other round":      {follow, with(look, func(b *ballot) { b.round = 5 }), false},
		"one looks, other epoch":      {follow, with(look, func(b *ballot) { b.PeerEpoch = 2 }), false},
		"nobody looks, other zxid":    {follow, with(follow, func(b *ballot) { b.Zxid = 6 }), true},
		"nobody looks, other round":   {follow, with(follow, func(b *ballot) { b.round = 5 }), true},
		"nobody looks, other epoch":   {follow, with(follow, func(b *ballot) { b.PeerEpoch = 2 }), false},
		"nobody looks, other leader":  {follow, with(follow, func(b *ballot) { b.Leader = 3 }), false},
		"the leader itself":           {follow, with(follow, func(b *ballot) { b.state = wire.Leading }), true},
		"one of version 0":            {follow, with(follow, func(b *ballot) { b.version, b.PeerEpoch = 0, 2 }), true},
		"one of version 0, leader":    {follow, with(follow, func(b *ballot) { b.version, b.Leader = 0, 3 }), false},
		"both of version 0":           {with(follow, func(b *ballot) { b.version = 0 }), with(follow, func(b *ballot) { b.version, b.PeerEpoch = 0, 2 }), false},
		"versions 1 and 2":            {with(follow, func(b *ballot) { b.version = 1 }), follow, true},
		"versions 1 and 2, the epoch": {with(follow, func(b *ballot) { b.version = 1 }), with(follow, func(b *ballot) { b.PeerEpoch = 2 }), false},
	} {
		if tt.a.supports(tt.b) != tt.want || tt.b.supports(tt.a) != tt.want {
			t.Errorf("%s: %v", name, tt.a.supports(tt.b))
		}
	}
}

func drawVote(t *rapid.T) Vote {
	return Vote{
		Leader:    wire.SID(rapid.SampledFrom([]int64{1, 2, 3, 4, 7, math.MinInt64}).Draw(t, "leader")),
		Zxid:      wire.Zxid(rapid.SampledFrom([]int64{-1, 0, 1, 5, 1 << 32, math.MinInt64, math.MaxInt64}).Draw(t, "zxid")),
		PeerEpoch: rapid.SampledFrom([]int64{0, 1, 2, math.MinInt64, math.MaxInt64}).Draw(t, "epoch"),
	}
}

func drawNotification(t *rapid.T) *wire.Notification {
	v := drawVote(t)
	return &wire.Notification{
		State:     wire.ServerState(rapid.Int32Range(-1, 4).Draw(t, "state")),
		Leader:    v.Leader,
		Zxid:      v.Zxid,
		PeerEpoch: v.PeerEpoch,
		Round:     rapid.SampledFrom([]int64{-1, 0, 1, 2, 3, 9, math.MinInt64, math.MaxInt64, math.MaxInt64/2 + 1}).Draw(t, "round"),
		Version:   rapid.Int32Range(0, 3).Draw(t, "version"),
		Config:    rapid.SampledFrom([][]byte{nil, []byte("x"), []byte("server.1=a:1:2\nversion=7")}).Draw(t, "config"),
	}
}

// Votes are totally ordered, and support is mutual.
func TestVoteProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawVote(t), drawVote(t), drawVote(t)
		if a.compare(b) != -b.compare(a) || (a.compare(b) == 0) != (a == b) {
			t.Fatalf("%s and %s", a, b)
		}
		if a.compare(b) > 0 && b.compare(c) > 0 && a.compare(c) <= 0 {
			t.Fatalf("%s, %s and %s", a, b, c)
		}
		x, y := ballotOf(drawNotification(t)), ballotOf(drawNotification(t))
		if x.supports(y) != y.supports(x) || !x.supports(x) {
			t.Fatalf("%+v and %+v", x, y)
		}
	})
}
