package simnet_test

import (
	"slices"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/internal/sim/vtime"
)

// A rig is two hosts with a connection between them.
type rig struct {
	k        *vtime.Kernel
	n        *simnet.Net
	a, b     *simnet.End
	got      []int // at b
	closedA  int
	closedB  int
	messages int
}

func newRig(t *testing.T, seed uint64) *rig {
	t.Helper()
	r := &rig{k: vtime.New(seed)}
	r.n = simnet.New(r.k, 3, simnet.Weather{
		MinDelay: time.Millisecond, MaxDelay: 50 * time.Millisecond, SpikeRate: 0.2, Spike: time.Second, DialTimeout: time.Second,
	})
	r.n.Up(0)
	r.n.Up(1)
	r.n.Listen(1, 0, func(e *simnet.End) {
		r.b = e
		e.OnMessage = func(m any) { r.got = append(r.got, m.(int)) }
		e.OnClose = func() { r.closedB++ }
	})
	r.n.Dial(0, 1, 0, nil, func(e *simnet.End) {
		r.a = e
		if e != nil {
			e.OnClose = func() { r.closedA++ }
		}
	})
	r.k.RunUntil(3*time.Second, nil)
	if r.a == nil || r.b == nil {
		t.Fatal("no connection")
	}
	return r
}

func (r *rig) send(n int) {
	for range n {
		r.messages++
		r.a.Send(r.messages)
	}
}

func (r *rig) run(d time.Duration) { r.k.RunUntil(r.k.Now()+d, nil) }

// prefix reports whether what arrived is 1, 2, 3 ...
func (r *rig) prefix() bool {
	for i, m := range r.got {
		if m != i+1 {
			return false
		}
	}
	return true
}

func TestMessagesArriveInOrderAndOnce(t *testing.T) {
	r := newRig(t, 1)
	for range 50 {
		r.send(4)
		r.run(10 * time.Millisecond)
	}
	r.a.Close()
	r.run(time.Minute)
	if !r.prefix() || len(r.got) != 200 || r.closedB != 1 || r.closedA != 0 {
		t.Errorf("%d of 200 arrived, in order: %v; closed %d and %d times", len(r.got), r.prefix(), r.closedA, r.closedB)
	}
}

func TestABreakLosesASuffix(t *testing.T) {
	lengths := map[int]bool{}
	for seed := range uint64(50) {
		r := newRig(t, seed)
		r.send(10)
		r.n.Conns()[0].Break(false)
		r.send(10)
		r.run(time.Minute)
		if !r.prefix() || len(r.got) > 10 {
			t.Fatalf("seed %d: arrived: %v", seed, r.got)
		}
		if r.closedA != 1 || r.closedB != 1 {
			t.Fatalf("seed %d: told %d and %d times", seed, r.closedA, r.closedB)
		}
		lengths[len(r.got)] = true
	}
	if len(lengths) < 5 {
		t.Errorf("always about the same is lost: %v", lengths)
	}
}

func TestAHalfOpenConnectionTellsNotEverybody(t *testing.T) {
	told := map[[2]int]int{}
	for seed := range uint64(60) {
		r := newRig(t, seed)
		r.n.Conns()[0].Break(true)
		r.run(time.Minute)
		told[[2]int{r.closedA, r.closedB}]++
	}
	if len(told) != 4 {
		t.Errorf("told: %v, want every combination", told)
	}
}

func TestACutHoldsAndAHealGoesOn(t *testing.T) {
	r := newRig(t, 3)
	r.n.Cut(0, 1)
	r.send(5)
	r.b.Send(0) // the other way works
	r.run(time.Minute)
	if len(r.got) != 0 {
		t.Errorf("%v came over a cut link", r.got)
	}
	refused := false
	r.n.Dial(1, 0, 0, nil, func(e *simnet.End) { refused = e == nil })
	r.run(time.Minute)
	r.n.HealAll()
	r.run(time.Minute)
	if !slices.Equal(r.got, []int{1, 2, 3, 4, 5}) || !refused {
		t.Errorf("arrived after the heal: %v; dial refused: %v", r.got, refused)
	}
}

func TestTheDeadAreMissed(t *testing.T) {
	for _, silent := range []bool{false, true} {
		r := newRig(t, 4)
		r.n.Down(1, silent)
		r.run(time.Minute)
		if told := r.closedA == 1; told == silent {
			t.Errorf("silent %v: told %v", silent, told)
		}
		r.n.Up(1)
		r.send(1) // finds out
		r.run(time.Minute)
		if r.closedA != 1 || len(r.got) != 0 {
			t.Errorf("silent %v: told %d times, arrived %v", silent, r.closedA, r.got)
		}
	}
}

func TestPostsGetLostDoubledAndStale(t *testing.T) {
	k := vtime.New(5)
	n := simnet.New(k, 2, simnet.Weather{MaxDelay: time.Millisecond, PostLoss: 0.3, PostTwice: 0.2, PostStale: 0.2})
	var got []int
	n.Receive(1, func(_ simnet.Host, m any) { got = append(got, m.(int)) })
	for i := range 300 {
		n.Post(0, 1, i)
		k.RunUntil(k.Now()+10*time.Millisecond, nil)
	}
	seen := map[int]int{}
	stale, newest := 0, -1
	for _, m := range got {
		seen[m]++
		if m < newest {
			stale++
		}
		newest = max(newest, m)
	}
	lost, twice := 300-len(seen), 0
	for _, c := range seen {
		if c > 1 {
			twice++
		}
	}
	if lost < 20 || twice < 20 || stale == 0 {
		t.Errorf("%d lost, %d doubled, %d stale", lost, twice, stale)
	}
}
