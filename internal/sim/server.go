package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/election"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/sim/simdisk"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/internal/sim/vtime"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// Ports of a simulated server. Its host is its id.
const (
	quorumPort simnet.Port = iota
	clientPort
	masterPort // of followers, for observers
)

// A server is one simulated member of the ensemble. Its fields from life on are
// those of a process, and begin anew when it starts; disk stays.
//
// Its core is that of a real server (package pipeline), moved by hand. What is written
// here stands for package server: the disk, the connections, and the member that looks
// for a leader and gives the core its role.
type server struct {
	cluster *cluster
	kernel  *vtime.Kernel
	net     *simnet.Net
	ledger  *ledger
	rng     *rand.Rand
	id      wire.SID
	name    string
	disk    *simdisk.Disk
	clock   clock

	life     *vtime.Life // nil before the first
	paused   bool
	inbox    []func() // what arrived while the process did not run
	busy     bool
	ticking  bool // a tick is in the inbox
	storage  *storage
	tree     *datatree.Tree // as it was recovered or received: what the checkpoint on disk is of
	core     *pipeline.Stepped
	awake    bool // the core is about to run
	others   bool // so are other goroutines
	letters  []func()
	doors    []*door
	active   quorum.Active
	kept     int64 // version of the configuration on disk
	election *election.Machine
	force    bool // the state on disk is not to be built on
	untrust  bool // the disk may have forgotten something
	role     role
}

// A role is what a server does: look for a leader, lead, or learn.
type role interface {
	name() string
	phase() string
	// end is called when the role is over: its connections are to be closed.
	end()
}

func (s *server) host() simnet.Host { return simnet.Host(s.id) }

func (s *server) say(what string, args ...int64) { s.kernel.Trace.Add(s.name, what, args...) }

func (s *server) up() bool { return s.life != nil && !s.life.Over() }

// start boots the process.
func (s *server) start() {
	if s.up() {
		return
	}
	s.disk.Restart()
	s.life = new(vtime.Life)
	s.paused, s.inbox, s.busy, s.ticking = false, nil, false, false
	s.awake, s.others, s.letters, s.doors, s.core = false, false, nil, nil, nil
	s.role, s.force, s.untrust = nil, false, false
	s.storage = &storage{server: s, fs: s.disk.FS()}
	s.say("starts")
	s.clock.boot(s.kernel.Now())
	state, err := s.storage.recover()
	if err != nil || s.life.Over() {
		s.fatal("recovery", err)
		return
	}
	s.force, s.untrust = state.ForceSnapshot, state.Untrusted && (state.ForceSnapshot || !plant.In(plant.FreshVotes))
	s.ledger.loaded(s.id, s.tree.LastZxid(), s.tree.Digest())
	s.active = quorum.Active{Committed: s.remembered()}
	s.core = s.newCore()
	s.election = election.New(election.Options{ID: s.id, Reconfig: s.cluster.opts.Reconfig, Number: s.rng.Int64()})
	s.net.Up(s.host())
	s.net.Receive(s.host(), func(from simnet.Host, m any) { s.do(func() { s.hear(wire.SID(from), m.([]byte)) }) })
	s.net.Listen(s.host(), clientPort, s.acceptClient)
	s.kernel.After(0, s.life, s.ticks)
	s.become(newLooking(s))
}

// fatal ends the process because it cannot go on, and has it started again later,
// as a supervisor does.
func (s *server) fatal(what string, err error) {
	if s.life.Over() {
		return
	}
	s.say("stops: " + what + fmt.Sprintf(": %v", err))
	s.cluster.stopped(s, what, err)
	s.down(true, false)
	s.kernel.After(s.cluster.opts.RestartDelay, nil, s.start)
}

// down ends the process; kill says that the machine goes on, silent that the peers
// are not told.
func (s *server) down(kill, silent bool) {
	if !s.up() {
		return
	}
	s.disk.Crash(kill)
	s.life.End()
	s.net.Down(s.host(), silent)
	s.role = nil
}

// do runs f as the server's own work: not while it is paused, and after what came
// before.
func (s *server) do(f func()) {
	if !s.up() {
		return
	}
	if s.paused || s.busy {
		s.inbox = append(s.inbox, f)
		return
	}
	f()
	s.rest()
}

// rest makes a slow server take its time before it does the next thing.
func (s *server) rest() {
	slow := s.cluster.slowness(s)
	if slow == 0 || !s.up() {
		return
	}
	s.busy = true
	s.kernel.After(time.Duration(s.rng.Int64N(int64(slow))), s.life, func() {
		s.busy = false
		s.catchUp()
	})
}

// catchUp does what has waited.
func (s *server) catchUp() {
	for len(s.inbox) > 0 && !s.paused && !s.busy && s.up() {
		f := s.inbox[0]
		s.inbox = s.inbox[1:]
		f()
		s.rest()
	}
}

// ticks is the core's ticker, four times in a tickTime of the server's own clock.
func (s *server) ticks() {
	s.kernel.After(s.clock.real(s.cluster.opts.TickTime/4), s.life, s.ticks)
	if s.ticking {
		return // as a ticker of a process that does not run: only one tick waits for it
	}
	s.ticking = true
	s.do(func() {
		s.ticking = false
		s.turn(true)
	})
}

// become changes the role.
func (s *server) become(r role) {
	s.say("is " + r.name())
	s.role = r
	s.cluster.nemesis.passes(s)
}

// state is what the server has on disk and in its tree. Nothing is being written.
func (s *server) state() zab.State {
	b := s.ledger.books[s.id]
	st := zab.State{
		AcceptedEpoch: b.accepted, CurrentEpoch: b.current,
		Last: s.storage.log.Last(), Applied: s.core.Tree().LastZxid(),
		Untrusted: s.untrust, ForceSnapshot: s.force,
	}
	if plant.In(plant.VoteFromTree) {
		st.Last = st.Applied
	}
	return st
}
