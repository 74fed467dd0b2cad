package server

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The tree is nearly free of pointers, so collecting garbage costs about the
// same whether it holds a thousand nodes or a million. By default the runtime
// would let the heap grow to twice the tree before it collects; a fixed headroom
// keeps the process small, and still large enough that a busy server collects
// only a few times a second.
const (
	garbageHeadroom = 32 << 20
	minPercent      = 15
	maxPercent      = 400
	tuneInterval    = time.Second
)

// tuneCollector keeps the garbage collector's percentage in step with the heap
// until ctx is done. An operator who set GOGC or GOMEMLIMIT is obeyed.
func tuneCollector(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := debug.SetGCPercent(maxPercent)
	defer debug.SetGCPercent(before)
	set := maxPercent
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(tuneInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(sample)
		if p := gcPercent(sample[0].Value.Uint64()); p != set {
			debug.SetGCPercent(p)
			set = p
		}
	}
}

// gcPercent is the percentage that lets about garbageHeadroom of garbage gather
// on top of what is live. It moves in steps of a tenth: setting it stops the
// world for a moment.
func gcPercent(live uint64) int {
	p := maxPercent
	if live > 0 {
		p = int(min(100*garbageHeadroom/live, maxPercent))
	}
	step := max(p/10, 1)
	return min(max(p/step*step, minPercent), maxPercent)
}
