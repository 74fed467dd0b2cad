package conn

import (
	"testing"
	"time"
)

func TestThrottleRefillsAndWeighs(t *testing.T) {
	now := time.Unix(1000, 0)
	th := newThrottle(ThrottleOptions{Tokens: 6, FillTime: time.Second, FillCount: 2, OpenWeight: 3, RenewWeight: 2, FreezeTime: -1},
		func() time.Time { return now })
	admit := func(renew, want bool) {
		t.Helper()
		if got, _ := th.admit(renew); got != want {
			t.Fatalf("admit(%v) = %v with %d tokens left", renew, got, th.tokens)
		}
	}
	admit(false, true)
	admit(true, true)
	admit(true, false) // one left
	now = now.Add(999 * time.Millisecond)
	admit(true, false)
	now = now.Add(time.Millisecond)
	admit(false, true)
	now = now.Add(1 << 60) // an age later the bucket is full, and no fuller
	admit(false, true)
	admit(false, true)
	admit(true, false)
}

func TestThrottleOffAdmitsAll(t *testing.T) {
	th := newThrottle(ThrottleOptions{}, time.Now)
	for range 1000 {
		if ok, deficit := th.admit(false); !ok || deficit != 0 {
			t.Fatal("refused")
		}
	}
}

func TestThrottleDropsMoreWhileLow(t *testing.T) {
	now := time.Unix(1000, 0)
	th := newThrottle(ThrottleOptions{Tokens: 1, FillTime: time.Hour, FillCount: 1, FreezeTime: time.Second, DropIncrease: 0.4, DropDecrease: 0.1},
		func() time.Time { return now })
	th.admit(false)
	for _, want := range []float64{0.4, 0.8, 1, 1} {
		now = now.Add(time.Second)
		th.admit(false)
		if got := th.probability(); got < want-1e-9 || got > want+1e-9 {
			t.Fatalf("probability %v, want %v", got, want)
		}
	}
	now = now.Add(time.Hour)
	th.admit(false)
	if got := th.probability(); got < 0.9-1e-9 || got > 0.9+1e-9 {
		t.Fatalf("probability %v after the bucket filled", got)
	}
}
