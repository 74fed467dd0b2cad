package pipeline

import (
	"runtime"
	"time"

	"github.com/zabra/zabra/wire"
)

func (o *Options) setDefaults() {
	setDefault(&o.ServerID, 1)
	setDefault(&o.Tick, 2*time.Second)
	setDefault(&o.MinTimeout, 2*o.Tick)
	setDefault(&o.MaxTimeout, 20*o.Tick)
	setDefault(&o.MaxFrame, wire.DefaultMaxFrame)
	setDefault(&o.MaxOutbox, 4<<20)
	setDefault(&o.MaxUnsentTotal, 256<<20)
	setDefault(&o.MaxQueued, 4096)
	setDefault(&o.MaxQueuedBytes, 4<<20)
	setDefault(&o.StallTime, 100*time.Millisecond)
	setDefault(&o.ReapInterval, time.Minute)
	setDefault(&o.ReapPerMinute, 10_000)
	setDefault(&o.MaxFullWait, 2*o.Tick)
	setDefault(&o.Readers, runtime.GOMAXPROCS(0))
	setDefault(&o.Clock, Clock(machineClock{time.Now()}))
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}
