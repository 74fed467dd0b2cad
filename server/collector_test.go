package server

import "testing"

func TestGCPercentBoundsTheHeadroom(t *testing.T) {
	for live := uint64(1 << 20); live < 1<<34; live *= 3 {
		p := gcPercent(live)
		if p < minPercent || p > maxPercent {
			t.Errorf("%d%% for %d bytes", p, live)
		}
		if headroom := live * uint64(p) / 100; p > minPercent && headroom > garbageHeadroom {
			t.Errorf("%d%% of %d bytes lets %d of garbage gather", p, live, headroom)
		}
	}
	if p := gcPercent(0); p != maxPercent {
		t.Errorf("%d%% before the first collection", p)
	}
}
