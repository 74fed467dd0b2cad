package metrics

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Every bucket begins where the one before it ended, and a value falls into the
// bucket that covers it.
func TestBucketsCoverAllValues(t *testing.T) {
	if got := bucketLow(0); got != 0 {
		t.Errorf("bucketLow(0) = %d", got)
	}
	for i := range numBuckets {
		low, next := bucketLow(i), bucketLow(i+1)
		if next <= low {
			t.Fatalf("bucket %d is empty: %d to %d", i, low, next)
		}
		if a, b := bucketOf(low), bucketOf(next-1); a != i || b != i {
			t.Fatalf("bucket %d covers %d to %d, but these fall into %d and %d", i, low, next-1, a, b)
		}
	}
	if got := bucketOf(math.MaxInt64); got != numBuckets-1 {
		t.Errorf("bucketOf(max) = %d, want the last, %d", got, numBuckets-1)
	}
}

// A quantile from the buckets is close to the one of the sorted values.
func TestQuantileIsClose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<maxExp), 1, 500).Draw(t, "values")
		q := rapid.SampledFrom([]float64{0.5, 0.9, 0.95, 0.99, 0.999}).Draw(t, "q")
		s := newTestSummary()
		for i, v := range values {
			s.observe(i, v, 1)
		}
		slices.Sort(values)
		exact := float64(values[max(0, int(math.Ceil(q*float64(len(values))))-1)])
		got := s.load().Quantile(q)
		if math.Abs(got-exact) > exact/subBuckets+1 {
			t.Fatalf("quantile %g of %d values: %g, sorted they give %g", q, len(values), got, exact)
		}
	})
}

func newTestSummary() *summary {
	s := &summary{scale: 1, kind: KindAdvancedSummary}
	standalone(s, 4)
	return s
}
