package sim

import (
	"fmt"
	"io"
)

// A Fault is something that goes wrong.
type Fault string

// The faults. Those that happen to a server are counted by what it did then.
const (
	PowerLoss    Fault = "power loss"     // what was not synced is lost in part
	PowerLossOp  Fault = "power loss@op"  // in the middle of the disk operations to come
	Kill         Fault = "kill"           // the process dies, the machine goes on
	Pause        Fault = "pause"          // the process does not run for a while
	Slow         Fault = "slow"           // the process takes its time
	SyncFails    Fault = "sync fails"     // a sync returns an error
	DiskFull     Fault = "disk full"      // for a while
	DiskStalls   Fault = "disk stalls"    // syncs take long
	Break        Fault = "break"          // a connection
	HalfOpen     Fault = "half-open"      // a connection breaks, and not everybody is told
	Isolate      Fault = "isolate"        // a server from all others
	OneWayIn     Fault = "deaf"           // a server hears nobody
	OneWayOut    Fault = "mute"           // nobody hears a server
	Halves       Fault = "halves"         // the servers are two groups
	Bridge       Fault = "bridge"         // two groups, and one server between them
	ClockJump    Fault = "clock jump"     // of the wall clock
	StaleVote    Fault = "stale vote"     // the last notification comes again
	Checkpoint   Fault = "checkpoint"     // no fault, but a moment
	BitFlip      Fault = "bit flip"       // in a file of a server that is down
	Wipe         Fault = "wipe"           // a disk is replaced by an empty one
	EverybodyOff Fault = "power loss all" // of all servers at once
)

// AllFaults are all faults.
var AllFaults = []Fault{
	PowerLoss, PowerLossOp, Kill, Pause, Slow, SyncFails, DiskFull, DiskStalls, Break, HalfOpen, Isolate,
	OneWayIn, OneWayOut, Halves, Bridge, ClockJump, StaleVote, Checkpoint, BitFlip, Wipe, EverybodyOff,
}

// A Place is what a server does when something happens to it.
type Place struct{ Role, Phase string }

// Places are all of them.
var Places = []Place{
	{"looking", "election"},
	{"leading", "discovery"}, {"leading", "synchronisation"}, {"leading", "broadcast"},
	{"following", "discovery"}, {"following", "synchronisation"}, {"following", "broadcast"},
	{"observing", "discovery"}, {"observing", "synchronisation"}, {"observing", "broadcast"},
}

// A Grid counts faults by place: a fault that never hit a leader in
// synchronisation has not been tested.
type Grid struct {
	count map[Fault]map[Place]int
	deeds map[string]int
}

// Deeds are what has to happen in a long run beside faults, or it has not been tested.
var Deeds = []string{
	"hierarchical quorum", "linearizable read", "read refused", "read of a secret", "persistent watch", "recursive watch",
	"watch for good set again", "multi behind a check", "multi refused by a check", "container reaped", "TTL node reaped",
	"observer removed", "several removed", "epoch waits for room",
	"observer of a follower",
}

// NewGrid returns an empty grid.
func NewGrid() *Grid {
	g := &Grid{count: map[Fault]map[Place]int{}, deeds: map[string]int{}}
	for _, f := range AllFaults {
		g.count[f] = map[Place]int{}
	}
	return g
}

func (g *Grid) hit(f Fault, p Place) { g.count[f][p]++ }

func (g *Grid) did(deed string) { g.deeds[deed]++ }

// Undone lists the deeds that were not done.
func (g *Grid) Undone() []string {
	var undone []string
	for _, d := range Deeds {
		if g.deeds[d] == 0 {
			undone = append(undone, d)
		}
	}
	return undone
}

// Empty lists the cells that were never hit.
func (g *Grid) Empty() []string {
	var cells []string
	for _, f := range AllFaults {
		for _, p := range Places {
			if g.count[f][p] == 0 {
				cells = append(cells, fmt.Sprintf("%s while %s in %s", f, p.Role, p.Phase))
			}
		}
	}
	return cells
}

// Write prints the grid.
func (g *Grid) Write(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%-15s", "")
	for _, p := range Places {
		_, _ = fmt.Fprintf(w, "%8.4s.%.4s", p.Role, p.Phase)
	}
	_, _ = fmt.Fprintln(w)
	for _, f := range AllFaults {
		_, _ = fmt.Fprintf(w, "%-15s", f)
		for _, p := range Places {
			_, _ = fmt.Fprintf(w, "%13d", g.count[f][p])
		}
		_, _ = fmt.Fprintln(w)
	}
	for _, d := range Deeds {
		_, _ = fmt.Fprintf(w, "%-26s%8d\n", d, g.deeds[d])
	}
}
