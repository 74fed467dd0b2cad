package vtime_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/sim/vtime"
)

func TestEventsRunInOrderOfTimeThenOfScheduling(t *testing.T) {
	k := vtime.New(1)
	var got []string
	at := func(d time.Duration, name string) {
		k.After(d, nil, func() { got = append(got, fmt.Sprint(k.Now(), name)) })
	}
	at(2, "c")
	at(1, "a")
	at(1, "b")
	at(-5, "now")
	k.RunUntil(10, nil)
	if want := []string{"0snow", "1nsa", "1nsb", "2nsc"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if k.Now() != 10 {
		t.Errorf("the time is %v after RunUntil(10)", k.Now())
	}
}

// A thousand events with random times come out sorted, also those that are
// scheduled on the way.
func TestQueueSortsEvents(t *testing.T) {
	k := vtime.New(7)
	rng := k.Rand("times")
	last, n := time.Duration(0), 0
	var f func()
	f = func() {
		if n++; k.Now() < last {
			t.Fatalf("event at %v after one at %v", k.Now(), last)
		}
		last = k.Now()
		if rng.IntN(3) == 0 {
			k.After(time.Duration(rng.IntN(50)), nil, f)
		}
	}
	for range 1000 {
		k.After(time.Duration(rng.IntN(1000)), nil, f)
	}
	k.RunUntil(1<<40, nil)
	if n < 1000 {
		t.Errorf("%d of 1000 events ran", n)
	}
}

func TestEventsOfALifeThatIsOverDoNotRun(t *testing.T) {
	k := vtime.New(1)
	var life vtime.Life
	ran := 0
	k.Every(10, &life, func() { ran++ })
	k.After(35, nil, life.End)
	k.RunUntil(1000, nil)
	if ran != 3 {
		t.Errorf("ran %d times, want 3", ran)
	}
}

func TestPartsDrawTheirOwnNumbers(t *testing.T) {
	a, b, again := vtime.New(1).Rand("net"), vtime.New(1).Rand("disk"), vtime.New(1).Rand("net")
	other := vtime.New(2).Rand("net")
	x := a.Uint64()
	if x == b.Uint64() || x == other.Uint64() {
		t.Error("two parts, or two seeds, draw the same numbers")
	}
	if x != again.Uint64() {
		t.Error("the same part of the same seed draws other numbers")
	}
}

func TestTraceTellsRunsApart(t *testing.T) {
	hash := func(who, what string, args ...int64) uint64 {
		k := vtime.New(1)
		k.Trace.Add(who, what, args...)
		return k.Trace.Hash()
	}
	seen := map[uint64]bool{}
	for _, h := range []uint64{hash("a", "b"), hash("b", "b"), hash("a", "c"), hash("a", "b", 0), hash("a", "b", 1), hash("a", "b", 1, 1)} {
		if seen[h] {
			t.Error("two traces have one hash")
		}
		seen[h] = true
	}
	if first, again := hash("a", "b", 1), hash("a", "b", 1); first != again {
		t.Error("one trace has two hashes")
	}
}

func TestTraceIsReadable(t *testing.T) {
	k := vtime.New(1)
	var out strings.Builder
	k.Trace.Out = &out
	k.After(1500*time.Millisecond, nil, func() { k.Trace.Add("s1", "leads epoch %d", 3) })
	k.RunUntil(time.Hour, nil)
	if got, want := out.String(), "    1.500000 s1   leads epoch 3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range int64(100) {
		k.Trace.Add("s1", "%d", i)
	}
	recent := k.Trace.Recent()
	if len(recent) != 64 || !strings.HasSuffix(recent[63], " 99") || !strings.HasSuffix(recent[0], " 36") {
		t.Errorf("%d recent lines, from %q to %q", len(recent), recent[0], recent[len(recent)-1])
	}
}
