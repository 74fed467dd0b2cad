// Package server is a running Zabra node. It owns every goroutine, socket, file
// and clock, and drives the packages that decide things:
//
//	Open     reads the checkpoint and the log, and builds the tree
//	Run      serves until its context is done or the log fails
//
// # Goroutines
//
//	core       one; prepares, proposes, applies (server/pipeline)
//	log        one; appends and syncs batches (server/pipeline over server/txnlog)
//	flushers   one for each processor; write replies to sockets (server/pipeline)
//	connection one for each; reads requests and answers reads (server/conn)
//	checkpoint one; writes what changed to the store (this package, server/store)
//	listeners  one for each port (server/conn, server/admin)
//
// All of them end with Run.
//
// # Stopping
//
// When the context is done the ports close first, then the core answers what is
// under way, then the log is settled and closed. A process that is killed
// instead loses nothing that was acknowledged: the log was synced before.
package server
