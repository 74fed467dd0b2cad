// Package sim runs whole ensembles in one goroutine, on virtual time, from a seed:
// servers, their disks and clocks, the network between them, clients, and a nemesis
// that lets things fail. It checks everything that a reader of the protocol
// reference, section 11, may demand, and judges what the clients saw.
// docs/testing.md says how to run it, and which checks there are.
//
// # The world
//
//	vtime     events in the order of their times, random numbers from the seed, a trace and its hash
//	simnet    connections that are FIFO until they break, cut links, messages outside of connections
//	simdisk   package memfs with crashes between any two operations, failing syncs, full disks
//	history   what clients may see
//
// Nothing else happens: no goroutine, no clock, no map order that shows. So a seed is
// a run, and two runs of a seed have one hash.
//
// # A server
//
// A server (server.go) is a process on a disk. start recovers (recovery.go) and makes
// the core, which is that of package pipeline, moved by hand: turn (process.go) is its
// goroutine from one sleep to the next, and the goroutines that it wakes, for the log,
// for flushing, for one thing each, have their turns a little later. So others get in
// between, as the seed has it.
//
// Around the core stands what package server is in a real one:
//
//	member.go    the election's goroutine, which gives the core its role
//	looking.go   no role
//	leading.go   a leader's connections to its learners
//	learning.go  a learner's connection to its leader
//	lane.go      packets and streams, in order, over one of those
//	doors.go     clients' connections
//	storage.go   the log's files, epochs and checkpoints, and how long a disk takes
//
// A role ends when the core says so, and the next election begins when the log has done
// what it was told: only then is it known what it holds.
//
// Clients speak the client protocol, to the byte (client.go), and ask for everything in
// it (load.go).
//
// # Checks
//
// The ledger (ledger.go, ballots.go) is told of every write to a disk, every vouching
// packet, every epoch and every transaction applied, and knows what there should be. It
// trusts nothing that is tested: it counts its own majorities (majority.go). What needs
// the whole run is checked at the end (run.go), and what clients saw by package history.
//
// A violation ends the run. Its name is that of the invariant.
package sim
