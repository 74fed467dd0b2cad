package bench

import (
	"math/bits"
	"time"
)

// A Histogram counts durations in buckets whose width is at most 1/128 of
// their value, so that a percentile is exact to 0.8 %. Below 128 ns every
// nanosecond has a bucket; above about 73 minutes all share the last one. The
// zero value is ready; adding allocates nothing.
type Histogram struct {
	counts [histBuckets]uint64
	n      uint64
	max    int64
}

const (
	histSub     = 128 // buckets per power of two
	histBits    = 7
	histMaxBits = 42
	histBuckets = (histMaxBits - histBits + 1) * histSub
)

// Add counts one duration of v nanoseconds; a negative one counts as 0.
func (h *Histogram) Add(v int64) {
	v = max(v, 0)
	h.counts[bucketOf(v)]++
	h.n++
	h.max = max(h.max, v)
}

func bucketOf(v int64) int {
	if v < histSub {
		return int(v)
	}
	shift := bits.Len64(uint64(v)) - histBits - 1
	return min((shift+1)*histSub+int(v>>shift)-histSub, histBuckets-1)
}

// bucketTop is the largest value that bucket i holds.
func bucketTop(i int) int64 {
	if i < histSub {
		return int64(i)
	}
	shift := i/histSub - 1
	return int64(i%histSub+histSub+1)<<shift - 1
}

// Merge adds the counts of o to h.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// Count is how many durations were added.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the longest duration added, exactly.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max) }

// Quantile returns a duration that at least the share q (0 to 1) of all
// durations does not exceed: the top of the bucket in which it falls.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := min(max(uint64(q*float64(h.n)+0.9999999), 1), h.n)
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank && n > 0 {
			return time.Duration(min(bucketTop(i), h.max))
		}
	}
	return 0
}
