package differ

import (
	"reflect"
	"testing"
)

// pretend answers every step as if it had gone well, so that a generator can be
// tested without servers.
func pretend(st Step) Outcome {
	switch st.Kind {
	case Open, Reattach:
		return Outcome{"s" + string(rune('0'+st.Slot)) + ": connected timeout=1 len=37 ro=false same=true refused=false"}
	case Request:
		return Outcome{"s" + string(rune('0'+st.Slot)) + ": xid=1 err=0 zxid=@1 /a/b0000000001"}
	}
	return nil
}

func steps(seed uint64, bursts bool, n int) []Step {
	g := NewGenerator(seed, Slots)
	g.Bursts = bursts
	var all []Step
	for range n {
		st := g.Next()
		g.Learn(st, pretend(st))
		all = append(all, st)
	}
	return all
}

func TestSeedDecides(t *testing.T) {
	for _, bursts := range []bool{false, true} {
		a, b, c := steps(7, bursts, 2000), steps(7, bursts, 2000), steps(8, bursts, 2000)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("bursts=%v: one seed made two different runs", bursts)
		}
		if reflect.DeepEqual(a, c) {
			t.Errorf("bursts=%v: two seeds made the same run", bursts)
		}
	}
}

// What is excluded is not sent, alone or in a burst.
func TestExclusionsHold(t *testing.T) {
	check := func(st Step) {
		flags := int32(-100)
		switch {
		case st.Op == 19:
			flags = 4 // createKind has looked at the real ones, before damage cut the body
		case st.Op == 21:
			flags = 5
		}
		if st.Kind == Request && excluded(st.Op, flags) {
			t.Errorf("excluded request was made: %v", st)
		}
	}
	for _, st := range steps(1, true, 20000) {
		check(st)
		for _, b := range st.Burst {
			check(b)
		}
	}
	for _, x := range Exclusions {
		if x.Name == "" || x.Reason == "" {
			t.Errorf("exclusion %+v says too little", x)
		}
	}
}

func TestZxidNames(t *testing.T) {
	s := &Side{zxids: []int64{100}, labels: []string{"@0"}}
	for _, step := range []struct {
		zxid int64
		open bool
		took string
	}{
		{101, false, "1"},  // 1
		{101, false, "0"},  // 2
		{104, false, "3"},  // 3: a burst
		{105, true, "any"}, // 4: counted by one server only
		{106, false, "1"},  // 5
	} {
		if got := s.noteZxid(step.zxid, step.open); got != step.took {
			t.Errorf("zxid %d: took %s, want %s", step.zxid, got, step.took)
		}
	}
	for zxid, want := range map[int64]string{
		-1: "-1", 0: "0", 99: "@0", 100: "@0", 101: "@1", 102: "@3", 103: "@3+1", 104: "@3+2", 105: "@3+2", 106: "@5",
		107: "@future(0x6b)",
	} {
		if got := s.zxidName(zxid); got != want {
			t.Errorf("zxid %d is %s, want %s", zxid, got, want)
		}
	}
}
