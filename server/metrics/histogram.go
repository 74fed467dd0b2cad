package metrics

import (
	"math/bits"
	"sync/atomic"
)

// A histogram counts values in buckets that grow with the value: one for each of
// 0 to 7, then eight for each power of two. A value read back from it is off by
// at most one part in sixteen.
const (
	subBits    = 3
	subBuckets = 1 << subBits
	maxExp     = 35 // larger values count as 2^36 - 1: nine hours in microseconds
	numBuckets = (maxExp-subBits+1)*subBuckets + subBuckets
)

type histogram [numBuckets]atomic.Int64

// bucketOf is the bucket of a value, which is not negative.
func bucketOf(v int64) int {
	if v < subBuckets {
		return int(v)
	}
	exp := bits.Len64(uint64(v)) - 1
	if exp > maxExp {
		return numBuckets - 1
	}
	sub := int(v>>(exp-subBits)) & (subBuckets - 1)
	return (exp-subBits+1)*subBuckets + sub
}

// bucketLow is the smallest value of a bucket; bucketLow(i+1) is one more than
// its largest.
func bucketLow(i int) int64 {
	if i < subBuckets {
		return int64(i)
	}
	exp := i/subBuckets + subBits - 1
	return int64(subBuckets+i%subBuckets) << (exp - subBits)
}

// counts is what a histogram held at one moment, over all stripes.
type counts [numBuckets]int64

func (c *counts) add(h *histogram) {
	for i := range h {
		c[i] += h[i].Load()
	}
}

func (c *counts) total() int64 {
	var n int64
	for _, v := range c {
		n += v
	}
	return n
}

// quantile estimates the value below which the share q (0 to 1) of all values
// lies, as if the values of a bucket were spread evenly over it. It is 0 when
// there are none.
func (c *counts) quantile(q float64) float64 {
	rank := q * float64(c.total())
	var seen float64
	for i, n := range c {
		if n == 0 {
			continue
		}
		if seen+float64(n) >= rank {
			low, width := float64(bucketLow(i)), float64(bucketLow(i+1)-bucketLow(i))
			if width == 1 {
				return low
			}
			return low + width*(rank-seen)/float64(n)
		}
		seen += float64(n)
	}
	return 0
}
