// Package server is a running Zabra node, alone or a member of an ensemble. It owns
// every goroutine, socket, file and clock, and drives the packages that decide things:
//
//	Open     reads the checkpoint and the log, builds the tree, and binds the ports
//	Run      serves until its context is done or the log fails
//	Dial     connects a client in this process, through no network
//
// # Parts
//
//	data     the directories and the tree that follows from them: start, checkpoints,
//	         restores, epochs, damage (data.go, checkpoint.go, vault.go, heal.go)
//	core     requests, transactions and replies (server/pipeline)
//	ports    of clients (server/conn) and for operators (server/admin, web.go)
//	member   in an ensemble: who leads, and this server's role (member*.go)
//
// # A member
//
// One goroutine, member.run, owns what a server knows of its ensemble. It has the
// election machine (package election) and the election port (server/peer), and gives the
// core a role when an election, or a reconfiguration, says which: lead (memberlead.go)
// or learn (memberlearn.go). What other goroutines want of it they put into its mailbox,
// which never waits. When a role has ended it waits until the log has done what it was
// told, and looks for a leader with what the disk then holds. The core owns the machines
// of package zab; the member owns their connections.
//
// What others may know of it is a standing: a value that is replaced, and never changed.
//
// # Goroutines
//
//	hands      two; take turns with the core and the log (server/pipeline)
//	ticker     one; tells the core that time passes (server/pipeline)
//	flushers   one for each processor; write replies to sockets (server/pipeline)
//	loops      on Linux one for each processor and plain client port; read requests and
//	           answer reads (server/conn)
//	connection one for each that has no loop (server/conn)
//	checkpoint one; writes what changed to the store (this package, server/store)
//	collector  one; keeps the room for garbage at a fixed size
//	member     one in an ensemble, and those of its connections (server/peer)
//	scrub      one in an ensemble; reads the log, slowly, once a day
//	listeners  one for each port (server/conn, server/peer, net/http)
//
// All of them end with Run.
//
// # Bounds
//
// Clients are bounded by pipeline.Options and conn.Options, connections of operators by
// maxWebConns, learners by maxLearners, votes that wait to be looked at by maxUnread, and
// what waits for a learner by zab's MaxBacklog.
//
// # Stopping
//
// When the context is done the client ports read nothing more, and wait, not for ever,
// until what is under way is answered. Then the member gives up its role, so that others
// need not find out, then the core ends, and last the log is settled and closed. A
// process that is killed instead loses nothing that was acknowledged: the log was synced
// before.
package server
