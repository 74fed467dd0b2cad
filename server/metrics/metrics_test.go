package metrics

import (
	"sync"
	"testing"
	"time"
)

func TestCounterAddsUpStripes(t *testing.T) {
	m := newStriped(4)
	var wg sync.WaitGroup
	for range 8 {
		stripe := m.Stripe()
		wg.Go(func() {
			for range 1000 {
				m.CommitCount.Inc(stripe)
				m.BytesReceived.Add(stripe, 3)
			}
		})
	}
	wg.Wait()
	if got := m.CommitCount.Load(); got != 8000 {
		t.Errorf("commit_count = %d, want 8000", got)
	}
	if got := m.BytesReceived.Load(); got != 24000 {
		t.Errorf("bytes_received_count = %d, want 24000", got)
	}
	if got := m.ProposalCount.Load(); got != 0 {
		t.Errorf("proposal_count = %d, want 0: a neighbour's cell was written", got)
	}
}

func TestRequestLatencyCoversReadsAndUpdates(t *testing.T) {
	m := newStriped(2)
	if got := m.RequestLatency(); got != (Latency{}) {
		t.Errorf("without requests: %+v, want zeroes", got)
	}
	m.UpdateLatency.Observe(0, 4*time.Millisecond)
	if got := m.RequestLatency(); got != (Latency{4, 4, 4}) {
		t.Errorf("with one update: %+v, want 4 4 4", got)
	}
	m.ReadLatency.Observe(1, 1*time.Millisecond)
	m.ReadLatency.Observe(0, 2100*time.Microsecond)
	if got, want := m.RequestLatency(), (Latency{1, 4, 2.3667}); got != want {
		t.Errorf("with two reads as well: %+v, want %+v", got, want)
	}
}

// A stripe of three words still takes whole lines.
func TestStripesAreWholeLines(t *testing.T) {
	b := newBoard(3)
	b.alloc(3)
	b.seal()
	if b.stripes() != 4 || b.stride != lineWords {
		t.Errorf("%d stripes of %d words, want 4 of %d", b.stripes(), b.stride, lineWords)
	}
}
