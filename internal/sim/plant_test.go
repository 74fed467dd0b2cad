//go:build plant

package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/plant"
)

// A mutant is a bug and the checkers that have to find it.
type mutant struct {
	bug     plant.Bug
	by      string // the names of checkers, any of which will do
	prepare func(*Options)
	seeds   uint64 // that it may survive; 0 for mutantSeeds
}

func only1(f ...Fault) func(*Options) {
	return func(o *Options) { o.Kinds, o.FaultEvery = f, msec(500) }
}

// withObservers leaves a leader now and then with observers alone.
func withObservers(o *Options) {
	o.Kinds, o.FaultEvery = []Fault{Isolate, Halves, PowerLoss}, msec(500)
	o.Voters, o.Observers = 3, 2
}

// farApart makes it long until what is logged is committed, and lets all power fail
// then.
func farApart(o *Options) {
	o.Kinds, o.FaultEvery = []Fault{Checkpoint, Checkpoint, Checkpoint, EverybodyOff}, msec(400)
	o.Voters, o.Observers, o.Clients, o.Readers, o.Think, o.Pipeline = 3, 0, 6, 0, msec(50), 10
	o.Weather.MinDelay, o.Weather.MaxDelay = msec(40), msec(80)
}

// slowLeaders leaves clients with a leader that does not know yet that it was deposed:
// clocks differ by much.
func slowLeaders(o *Options) {
	o.Kinds, o.FaultEvery = []Fault{Isolate, Isolate, OneWayIn}, 1500*time.Millisecond
	o.Voters, o.Observers, o.Clients, o.Pipeline, o.Think = 3, 0, 4, 40, msec(200)
	o.Readers, o.Clients = 4, 6
	o.Weather.SpikeRate, o.Drift, o.Faults, o.Heal = 0, 0.3, 60*time.Second, 40*time.Second
	o.Groups, o.Linearizable, o.Reconfig, o.Initialize = false, false, false, true
}

func reconfigured(o *Options) { o.Reconfig, o.Joins, o.Voters, o.Observers = true, false, 5, 1 }

// shrinking has servers leave, several at once.
func shrinking(o *Options) {
	o.Reconfig, o.Joins, o.ReconfigRate, o.Voters, o.Groups, o.FaultEvery = true, true, 3, 7, false, 0
}

// wiped takes disks while others are behind, or away.
func wiped(o *Options) {
	o.Kinds = []Fault{Wipe, Wipe, Wipe, Isolate, PowerLoss, StaleVote, StaleVote}
	o.Voters, o.Observers, o.FaultEvery, o.Initialize, o.Reconfig = 3, 0, msec(300), false, false
	o.Weather.PostStale = 0.3
}

func flipped(o *Options) {
	wiped(o)
	o.Kinds = []Fault{BitFlip, BitFlip, BitFlip, Isolate, PowerLoss}
}

func linearizable(o *Options) { o.Linearizable = true }

// farApartCrowd leaves much under way at any time.
func farApartCrowd(o *Options) {
	o.Kinds, o.Clients, o.Readers, o.Think, o.Pipeline = []Fault{Checkpoint}, 6, 0, msec(50), 40
	o.Weather.MinDelay, o.Weather.MaxDelay, o.ReapInterval = msec(100), msec(200), 250*time.Millisecond
}

func shortEpochs(o *Options) { o.LastCounter = 20 }

var mutants = []mutant{
	{bug: plant.AckBeforeSync, by: "I14 I10"},
	{bug: plant.EpochAfterReply, by: "I14"},
	{bug: plant.EpochBeforeHistory, by: "I12"},
	{bug: plant.SyncRetried, by: "I14 I10", prepare: only1(SyncFails)},
	{bug: plant.NoSpaceSwallowed, by: "I14 I10 I15", prepare: only1(DiskFull)},
	{bug: plant.DirectoryNotSynced, by: "I10 I11 start", prepare: only1(PowerLoss, PowerLossOp, Kill, Checkpoint)},
	{bug: plant.TailCutTooFar, by: "I10"},
	{bug: plant.TruncateSkipped, by: "I12 I13 I15 I10 start"},
	{bug: plant.SnapshotUnchecked, by: "I17 start", prepare: only1(Checkpoint, Checkpoint, BitFlip)},
	{bug: plant.QuorumOffByOne, by: "election I10 I1 I9"},
	{bug: plant.ObserverCounted, by: "I10 I9 sync", prepare: withObservers}, // a deposed leader's observers confirm its syncs, too
	{bug: plant.OwnAckUncounted, by: "I10"},
	{bug: plant.LowerZxidWins, by: "I9 I8 I10 I21"},
	{bug: plant.VoteFromTree, by: "I15 I13"},
	{bug: plant.EpochNotRaised, by: "I1 I13 I21"},
	{bug: plant.ProposedConfigForgotten, by: "I10 I20 election", prepare: reconfigured},
	{bug: plant.OnlyOneLeaves, by: "I20", prepare: shrinking},
	{bug: plant.DiffWithHole, by: "I13"},
	{bug: plant.NewLeaderAckEarly, by: "I14"},
	{bug: plant.CommitOutOfOrder, by: "I16 I5 I3"},
	{bug: plant.CommitBySingleAck, by: "I10"},
	{bug: plant.ZxidWraps, by: "I13", prepare: shortEpochs},
	{bug: plant.DeposedLeaderSyncs, by: "sync register", prepare: slowLeaders, seeds: 400},
	{bug: plant.SyncAnsweredLocally, by: "sync register"},
	{bug: plant.ForwardedTwice, by: "write"},
	{bug: plant.ExpiryByWallClock, by: "I19 I21", prepare: only1(ClockJump)},
	{bug: plant.TouchLostOnNewLeader, by: "I19", prepare: only1(PowerLoss, Kill)},
	{bug: plant.TouchesNotForwarded, by: "I19"},
	{bug: plant.EphemeralKept, by: "I19 write read"},
	{bug: plant.EphemeralMissedInView, by: "ephemeral"},
	{bug: plant.CloseSessionTwice, by: "ephemeral", prepare: only1(Isolate, Pause, Halves)},
	{bug: plant.SessionMovesUnchecked, by: "session write"},
	{bug: plant.WatchAfterRead, by: "watch"},
	{bug: plant.EventAfterData, by: "watch"},
	{bug: plant.SetWatchesForgets, by: "watch"},
	{bug: plant.WatchDropped, by: "watch"},
	{bug: plant.ReadBeforeOwnWrite, by: "session"},
	{bug: plant.OlderServerAccepted, by: "session"},
	{bug: plant.MultiPartlyApplied, by: "read write"},
	{bug: plant.MultiLeavesOverlay, by: "write"},
	{bug: plant.VersionUnchecked, by: "write register"},
	{bug: plant.SequenceNotUnique, by: "write"},
	{bug: plant.AppliedBeforeCommit, by: "I10 I3"},
	{bug: plant.UncommittedInTree, by: "I17 I10 I3", prepare: farApart},
	{bug: plant.StaleNotification, by: "election"},
	{bug: plant.FreshVotes, by: "I1 I8 I9 I10", prepare: wiped},
	{bug: plant.DamagedVotes, by: "I1 I8 I9 I10 start", prepare: flipped},
	{bug: plant.PersistentUsedUp, by: "watch"},
	{bug: plant.RecursiveForgotten, by: "watch"},
	{bug: plant.BarrierSkipped, by: "register", prepare: linearizable},
	{bug: plant.ReadUnchecked, by: "read"},
	{bug: plant.CheckIgnored, by: "write"},
	{bug: plant.ContainerInUse, by: "write", prepare: farApartCrowd},
	{bug: plant.TTLIgnored, by: "write"},
}

// mutantSeeds is how many seeds a bug may survive: several times what the most furtive
// one does now, because a change to what a run does shuffles what the seeds stand for.
const mutantSeeds = 120

// Every planted bug is found, and by a checker that is there for it.
func TestPlantedBugsAreCaught(t *testing.T) {
	for _, m := range mutants {
		t.Run(string(m.bug), func(t *testing.T) {
			defer plant.Plant(m.bug)()
			seeds := max(m.seeds, mutantSeeds)
			for seed := uint64(1); seed <= seeds; seed++ {
				o := Draw(seed)
				if m.prepare != nil {
					m.prepare(&o)
				}
				r := Run(o)
				if r.Violation == nil {
					continue
				}
				t.Logf("caught at seed %d after %v: %v", seed, r.Simulated, r.Violation)
				if !slices.Contains(strings.Fields(m.by), r.Violation.Invariant) {
					t.Errorf("caught by %s, want one of %s", r.Violation.Invariant, m.by)
				}
				return
			}
			t.Errorf("not caught in %d seeds", seeds)
		})
	}
}

// The order of a map in what a server does is found because runs no longer repeat
// themselves.
func TestPlantedMapOrderIsCaught(t *testing.T) {
	defer plant.Plant(plant.MapOrder)()
	for seed := uint64(1); seed <= mutantSeeds; seed++ {
		if a, b := Run(Draw(seed)), Run(Draw(seed)); a.Hash != b.Hash {
			t.Logf("caught at seed %d", seed)
			return
		}
	}
	t.Error("not caught")
}
