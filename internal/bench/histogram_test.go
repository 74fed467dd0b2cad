package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramBuckets(t *testing.T) {
	prev := -1
	for _, v := range []int64{0, 1, 127, 128, 129, 255, 256, 257, 1000, 1 << 20, 1<<41 + 12345, 1<<42 - 1} {
		i := bucketOf(v)
		if i < prev || i >= histBuckets {
			t.Fatalf("bucketOf(%d) = %d after %d", v, i, prev)
		}
		prev = i
		top := bucketTop(i)
		if top < v || float64(top-v) > float64(v)/histSub {
			t.Errorf("%d falls into a bucket that ends at %d", v, top)
		}
		if i+1 < histBuckets && bucketOf(top+1) != i+1 {
			t.Errorf("bucket %d ends at %d but %d falls into %d", i, top, top+1, bucketOf(top+1))
		}
	}
	if bucketOf(1<<62) != histBuckets-1 {
		t.Error("a huge value is beyond the last bucket")
	}
}

func TestHistogramQuantilesAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var parts [3]Histogram
	var all []int64
	for i := range 30000 {
		v := int64(rng.ExpFloat64() * 1e5)
		parts[i%3].Add(v)
		all = append(all, v)
	}
	var h Histogram
	for i := range parts {
		h.Merge(&parts[i])
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(max(int(q*float64(len(all))+0.9999999), 1), len(all))-1]
		got := int64(h.Quantile(q))
		if got < want || float64(got-want) > float64(want)/histSub+1 {
			t.Errorf("quantile %v: got %d, want %d", q, got, want)
		}
	}
	if h.Max() != time.Duration(all[len(all)-1]) || h.Count() != uint64(len(all)) {
		t.Errorf("max %d, count %d; want %d, %d", h.Max(), h.Count(), all[len(all)-1], len(all))
	}
}

func TestHistogramEmpty(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Max() != 0 {
		t.Error("an empty histogram has quantiles")
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h Histogram
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		h.Add(i & 0xfffff)
	}
}
