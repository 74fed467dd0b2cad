package metrics

import (
	"testing"
	"time"
)

func BenchmarkCounter(b *testing.B) {
	m := New()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		stripe := m.Stripe()
		for pb.Next() {
			m.BytesReceived.Add(stripe, 100)
		}
	})
}

// What one request costs: bytes, packets both ways, reply size, latency.
func BenchmarkRequest(b *testing.B) {
	m := New()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		stripe := m.Stripe()
		for pb.Next() {
			m.BytesReceived.Add(stripe, 100)
			m.PacketsReceived.Inc(stripe)
			m.ReadLatency.Observe(stripe, 50*time.Microsecond)
			m.PacketsSent.Inc(stripe)
			m.ResponseBytes.Add(stripe, 100)
			m.ResponseSize.Observe(stripe, 100)
		}
	})
}

func BenchmarkNamespace(b *testing.B) {
	m := New()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		stripe := m.Stripe()
		for pb.Next() {
			m.ReadPerNamespace.Observe(stripe, "app", 100)
		}
	})
}

func BenchmarkMntr(b *testing.B) {
	m := New()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = m.AppendMntr(buf[:0])
	}
}
