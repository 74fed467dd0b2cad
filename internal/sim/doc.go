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
// A server (server.go) is a process on a disk. start recovers (recovery.go), and then
// it has one role at a time:
//
//	looking   election.Machine      looking.go
//	leading   zab.Leader            leading.go
//	learning  zab.Learner           learning.go
//
// Each role hands what arrives to its machine, and does what the machine's Ready
// says, in drive, until it wants nothing more. The order within a Ready is that of
// package zab: send; hand the writes to the disk, and what vouches for them to be sent
// when they are durable; apply; then answer.
//
// The disk (storage.go) is a queue. Records in a row are appended and synced once;
// every other write is durable before the next one begins. A role ends when its
// machine or its connection says so, and the next election begins when the queue is
// empty: only then is it known what the log holds.
//
// Clients are served (service.go) by whoever has an upstream: a leader prepares their
// writes itself, with the Preparer of package pipeline, a learner forwards them. A
// session's answers come in the order of its requests; events go out before the
// answer to the change.
//
// # Checks
//
// The ledger (ledger.go) is told of every write to a disk, every vouching packet,
// every epoch and every transaction applied, and knows what there should be. It trusts
// nothing that is tested: it counts its own majorities. What needs the whole run is
// checked at the end (run.go).
//
// A violation ends the run. Its name is that of the invariant.
package sim
