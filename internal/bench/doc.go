// Package bench makes load for any server of the ZooKeeper client protocol and
// measures how the server bears it.
//
// # Workloads
//
//	read       getData of random keys
//	set        setData of random keys
//	mixed      both; ReadRatio says how much of which
//	multi      multis of MultiOps setData each; one multi is one operation
//	create     persistent nodes, a folder for each connection
//	delete     of nodes that were prepared; ends when they are gone
//	ephemeral  an ephemeral node is created and deleted, each is an operation
//	watch      one connection sets a node that all others watch; each event is
//	           an operation, its latency counts from the set
//	connect    sessions are opened; each connection opens them one after another
//	idle       sessions that only ping: what a session costs in memory
//
// Load makes many nodes and leaves them, Wait tells how long a server takes to
// open its first session, Compare runs two servers in turns.
//
// # How it measures
//
// The load is a closed loop: each connection keeps Outstanding requests under
// way. A latency counts from when a request is made to when its reply has been
// read; with Rate, from when the request was due, so that a server that stalls
// is not spared the requests it kept from being made. What is answered from the
// end of the warm-up to the end of Duration counts; with Ops, everything does.
// Replies that are errors are counted apart, by code, and are not operations.
//
// CPU time and memory of the server are read from /proc of the processes that
// are named, at the beginning and end of the same interval.
//
// # How it stays out of the way
//
// Server and client share the machine, so the client has to be cheap. The
// protocol is a value that is stepped (loop, conn): bytes and the time go in,
// requests come out, nothing is allocated for an operation. On Linux one thread
// steps a loop over one epoll set, elsewhere two goroutines for each connection
// do (drive_*.go). Every result says what the client took for an operation, and
// package floor says how fast a server that does nothing would be.
//
// Every run works below a root of its own, /zabra-bench-<random>, and removes it
// at the end, also when it is interrupted.
package bench
