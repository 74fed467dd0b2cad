package sim

import (
	"io"
	"math/rand/v2"
	"time"

	"github.com/zabra/zabra/internal/sim/simdisk"
	"github.com/zabra/zabra/internal/sim/simnet"
)

// Options say what is simulated. Draw makes them from a seed.
type Options struct {
	Seed uint64
	// Trace gets a line for everything that happens; nil for none.
	Trace io.Writer
	// Grid counts which fault hit whom; nil for one of its own.
	Grid *Grid

	Voters, Observers, Clients int
	// Readers is how many of the clients only sync and read.
	Readers int
	// Faults is for how long things go wrong; after it everything is healed.
	Faults time.Duration
	// Heal is how long the ensemble has to come to rest after that.
	Heal time.Duration
	// FaultEvery is about the time between two faults; 0 for none at all.
	FaultEvery time.Duration
	// Kinds are the faults that may happen, as often as they are listed; nil for
	// all.
	Kinds []Fault

	TickTime             time.Duration
	InitLimit, SyncLimit int
	SessionTimeout       time.Duration
	Think                time.Duration // of a client between requests, at most
	Pipeline             int           // requests of a client under way
	RestartDelay         time.Duration // after a process that stopped by itself
	Drift                float64       // of the clocks, each way
	Disk                 simdisk.Speed
	Weather              simnet.Weather
	KeepTxns             uint64 // of the log, behind a checkpoint
	MaxBuffer            int    // zab.LearnerConfig.MaxBuffer
	LastCounter          uint32 // zab.LeaderConfig.LastCounter
	Reconfig             bool
	// Initialize lets an operator vouch for every empty disk at the beginning.
	// Otherwise the servers have to find out that all are empty.
	Initialize   bool
	ReconfigRate int           // one in so many requests of the first client, then
	Joins        bool          // reconfigurations also let servers join, and change roles
	Groups       bool          // quorums are hierarchical
	Linearizable bool          // so are all reads
	Masters      bool          // observers learn from followers
	ReapInterval time.Duration // between searches for containers and TTL nodes that are due
}

// Draw returns the options of a seed: small clusters and large ones, good networks
// and bad ones, so that a thousand seeds are a thousand places.
func Draw(seed uint64) Options {
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	pick := func(v ...int) int { return v[rng.IntN(len(v))] }
	o := Options{
		Seed: seed, Voters: pick(3, 3, 3, 5, 5, 7), Observers: pick(0, 0, 1, 2), Clients: pick(2, 4, 6),
		Faults: 40 * time.Second, Heal: 40 * time.Second, FaultEvery: msec(int64(pick(300, 800, 2000, 5000))),
		TickTime: 200 * time.Millisecond, InitLimit: 10, SyncLimit: 5, SessionTimeout: 3 * time.Second,
		Think: msec(int64(pick(50, 200, 500))), Pipeline: pick(1, 4, 10), RestartDelay: time.Second,
		Drift:    [...]float64{0, 0.01, 0.05}[rng.IntN(3)],
		KeepTxns: uint64(pick(1, 20, 1000)), MaxBuffer: pick(200, 1<<20), LastCounter: 0,
	}
	if rng.IntN(3) == 0 {
		o.Readers = o.Clients / 2
	}
	if rng.IntN(4) == 0 {
		o.LastCounter = uint32(pick(10, 40, 200))
	}
	o.Reconfig, o.ReconfigRate = rng.IntN(4) == 0, 15
	o.Disk = simdisk.Speed{
		Write: 50 * time.Microsecond, Sync: msec(int64(pick(0, 1, 10))) + 50*time.Microsecond,
		StallRate: [...]float64{0, 0.01, 0.1}[rng.IntN(3)], Stall: msec(int64(pick(50, 300))),
	}
	o.Weather = simnet.Weather{
		MinDelay: 50 * time.Microsecond, MaxDelay: msec(int64(pick(1, 5, 20))),
		SpikeRate: [...]float64{0, 0.001, 0.02}[rng.IntN(3)], Spike: 300 * time.Millisecond,
		PostLoss:  [...]float64{0, 0.05, 0.3}[rng.IntN(3)],
		PostTwice: [...]float64{0, 0.1}[rng.IntN(2)], PostStale: [...]float64{0, 0.1}[rng.IntN(2)],
		DialTimeout: time.Second,
	}
	o.Initialize = rng.IntN(4) == 0
	// What came later draws from numbers of its own: the other options of a seed stay.
	more := rand.New(rand.NewPCG(seed, 0x5eed2))
	o.Groups = more.IntN(6) == 0 && !o.Reconfig
	o.Linearizable = more.IntN(4) == 0
	o.ReapInterval = 2 * time.Second
	o.Joins = o.Reconfig && more.IntN(2) == 0
	if o.Masters = o.Observers > 0 && more.IntN(2) == 0; o.Masters {
		o.SessionTimeout = 5 * time.Second // signs of life have a longer way: see earlyExpiry
	}
	return o
}
