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
}

func only1(f ...Fault) func(*Options) {
	return func(o *Options) { o.Kinds, o.FaultEvery = f, msec(500) }
}

func withObservers(o *Options) { o.Voters, o.Observers = 3, 2 }

// farApart makes it long until what is logged is committed, and lets all power fail
// then.
func farApart(o *Options) {
	o.Kinds, o.FaultEvery = []Fault{Checkpoint, Checkpoint, Checkpoint, EverybodyOff}, msec(400)
	o.Voters, o.Observers, o.Clients, o.Readers, o.Think, o.Pipeline = 3, 0, 6, 0, msec(50), 10
	o.Weather.MinDelay, o.Weather.MaxDelay = msec(40), msec(80)
}

// longPauses leaves clients with a leader that does not know yet that it was deposed.
func longPauses(o *Options) {
	o.Kinds, o.FaultEvery = []Fault{Pause, Isolate, OneWayIn}, 2*time.Second
	o.Voters, o.Observers, o.Clients, o.Pipeline, o.Think = 3, 0, 4, 40, msec(200)
	o.Readers, o.Clients = 4, 6
	o.Weather.SpikeRate, o.Drift, o.Faults, o.Heal = 0, 0, 60*time.Second, 10*time.Second
}

func reconfigured(o *Options) { o.Reconfig, o.Voters, o.Observers = true, 5, 1 }

func shortEpochs(o *Options) { o.LastCounter = 20 }

var mutants = []mutant{
	{plant.AckBeforeSync, "I14 I10", nil},
	{plant.EpochAfterReply, "I14", nil},
	{plant.EpochBeforeHistory, "I12", nil},
	{plant.SyncRetried, "I14 I10", only1(SyncFails)},
	{plant.NoSpaceSwallowed, "I14 I10 I15", only1(DiskFull)},
	{plant.DirectoryNotSynced, "I10 I11 start", only1(PowerLoss, PowerLossOp, Kill, Checkpoint)},
	{plant.TailCutTooFar, "I10", nil},
	{plant.TruncateSkipped, "I12 I13 I15 I10 start", nil},
	{plant.SnapshotUnchecked, "I17 start", only1(Checkpoint, Checkpoint, BitFlip)},
	{plant.QuorumOffByOne, "election I10 I1 I9", nil},
	{plant.ObserverCounted, "I10 I9", withObservers},
	{plant.OwnAckUncounted, "I10", nil},
	{plant.LowerZxidWins, "I9 I8 I10 I21", nil},
	{plant.VoteFromTree, "I15 I13", nil},
	{plant.EpochNotRaised, "I1 I13 I21", nil},
	{plant.ProposedConfigForgotten, "I10 I20 election", reconfigured},
	{plant.DiffWithHole, "I13", nil},
	{plant.NewLeaderAckEarly, "I14", nil},
	{plant.CommitOutOfOrder, "I16 I5 I3", nil},
	{plant.CommitBySingleAck, "I10", nil},
	{plant.ZxidWraps, "I13", shortEpochs},
	{plant.DeposedLeaderSyncs, "sync register", longPauses},
	{plant.SyncAnsweredLocally, "sync register", nil},
	{plant.ForwardedTwice, "write", nil},
	{plant.ExpiryByWallClock, "I19 I21", only1(ClockJump)},
	{plant.TouchLostOnNewLeader, "I19", only1(PowerLoss, Kill)},
	{plant.TouchesNotForwarded, "I19", nil},
	{plant.EphemeralKept, "I19 write read", nil},
	{plant.EphemeralMissedInView, "ephemeral", nil},
	{plant.CloseSessionTwice, "ephemeral", only1(Isolate, Pause, Halves)},
	{plant.SessionMovesUnchecked, "session write", nil},
	{plant.WatchAfterRead, "watch", nil},
	{plant.EventAfterData, "watch", nil},
	{plant.SetWatchesForgets, "watch", nil},
	{plant.WatchDropped, "watch", nil},
	{plant.ReadBeforeOwnWrite, "session", nil},
	{plant.OlderServerAccepted, "session", nil},
	{plant.MultiPartlyApplied, "read write", nil},
	{plant.MultiLeavesOverlay, "write", nil},
	{plant.VersionUnchecked, "write register", nil},
	{plant.SequenceNotUnique, "write", nil},
	{plant.AppliedBeforeCommit, "I10 I3", nil},
	{plant.UncommittedInTree, "I17 I10 I3", farApart},
	{plant.StaleNotification, "election", nil},
}

// mutantSeeds is how many seeds a bug may survive.
const mutantSeeds = 40

// Every planted bug is found, and by a checker that is there for it.
func TestPlantedBugsAreCaught(t *testing.T) {
	for _, m := range mutants {
		t.Run(string(m.bug), func(t *testing.T) {
			defer plant.Plant(m.bug)()
			for seed := uint64(1); seed <= mutantSeeds; seed++ {
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
			t.Errorf("not caught in %d seeds", mutantSeeds)
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
