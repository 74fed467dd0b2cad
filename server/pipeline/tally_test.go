package pipeline

import (
	"testing"

	"github.com/zabra/zabra/server/metrics"
)

func TestTally(t *testing.T) {
	m := metrics.New()
	var c tally
	c.reply(20)
	c.event(50)
	c.reply(60)
	c.reply(160)
	c.tell(m, 0)
	c.reply(15) // the outbox is a new one
	c.tell(m, 1)
	if packets, bytes := m.PacketsSent.Load(), m.ResponseBytes.Load(); packets != 5 || bytes != 20+10+100+15 {
		t.Errorf("%d packets, %d bytes of replies; want 5, 145", packets, bytes)
	}
	if last, low, high := m.ResponseSize.Load(); last != 15 || low != 10 || high != 100 {
		t.Errorf("sizes: last %d, smallest %d, largest %d; want 15, 10, 100", last, low, high)
	}
}

func TestRunTellsEachNamespace(t *testing.T) {
	m := metrics.New()
	var r run
	r.add(&m.ReadPerNamespace, 0, "/a", 10)
	r.add(&m.ReadPerNamespace, 0, "/a/b", 100)
	r.add(&m.ReadPerNamespace, 0, "/", 1000) // the root is in none
	r.add(&m.ReadPerNamespace, 0, "", 1000)
	r.add(&m.ReadPerNamespace, 0, "/b/c", 0)
	r.add(&m.ReadPerNamespace, 0, "/a", 1)
	r.tell(&m.ReadPerNamespace, 0)
	r.tell(&m.ReadPerNamespace, 0)
	for ns, want := range map[string][4]float64{"a": {3, 12 + 104 + 3, 3, 104}, "b": {1, 4, 4, 4}} {
		got := m.ReadPerNamespace.With(ns).Load()
		if [4]float64{float64(got.Count), got.Sum, got.Min, got.Max} != want {
			t.Errorf("%s: got %d, %v, %v, %v; want %v", ns, got.Count, got.Sum, got.Min, got.Max, want)
		}
	}
}

func TestNamespace(t *testing.T) {
	for path, want := range map[string]string{"": "", "/": "", "/a": "a", "/a/b/c": "a", "/zookeeper/quota": "zookeeper"} {
		if got := namespace(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
