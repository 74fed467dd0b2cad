package pipeline

import (
	"runtime"
	"time"

	"github.com/zabra/zabra/wire"
)

// Options bound and tune a Core. Zero values are replaced by the defaults.
type Options struct {
	ServerID         wire.SID      // top byte of session ids; 1 when standalone
	Tick             time.Duration // unit of session expiry; default 2 s
	MinTimeout       time.Duration // shortest session timeout; default 2 ticks
	MaxTimeout       time.Duration // longest session timeout; default 20 ticks
	MaxFrame         int           // longest request in bytes; default wire.DefaultMaxFrame
	MaxOutbox        int           // bytes a client may leave unread before it is dropped; default 4 MiB
	MaxUnsentTotal   int64         // bytes that may wait for all clients together before some are dropped; default 256 MiB
	MaxQueued        int           // requests of one client under way; default 4096
	MaxQueuedBytes   int           // and their bytes; default 4 MiB
	OutstandingLimit int64         // writes under way in all above which clients with one wait; 0 is none
	MaxRequests      int64         // the same, but all clients wait; 0 is none (request_throttle_max_requests)
	StallTime        time.Duration // how often such a wait is reconsidered; default 100 ms
	OpWaitTime       time.Duration // a request that waited longer is refused with Throttled; 0 is none
	LargeRequest     int           // bytes above which a request counts as large; 0 is none
	LargeBytes       int64         // of large requests under way in all, above which one more ends its connection
	ReapInterval     time.Duration // between searches for empty containers and expired TTL nodes; default 60 s
	ReapPerMinute    int           // most nodes the search may delete in a minute; default 10,000
	MaxNeverUsed     time.Duration // how long a container that never had a child may live; 0 is for ever
	MaxFullWait      time.Duration // how long a client's write may wait while the disk is full; default 2 ticks
	Prepare          PrepareOptions
	NewSASL          func() SASL   // starts an exchange; nil if there is no SASL
	Member           bool          // of an ensemble: the core has no role before Lead or Learn
	LocalSessions    bool          // a member's sessions are its own until they are upgraded
	UpgradeSessions  bool          // a local session that asks for an ephemeral node is upgraded
	Unsettled        bool          // the tree may hold what is not decided
	Linearizable     bool          // reads wait until a quorum confirms that nothing newer is decided
	Audit            func(Audited) // hears of every operation that changed the tree, or was to; called with the tree locked; nil: nobody does
	Readers          int           // stripes of the tree's lock; default the number of processors
	Clock            Clock         // default the machine's
}

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
