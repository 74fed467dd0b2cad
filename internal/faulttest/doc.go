// Package faulttest breaks real ensembles under load, and judges what their clients saw.
// It has no code to import.
//
// Every server is a process of the binary that is shipped, on a host of its own in the
// lab of internal/netlab: a network namespace, whose packets to the others pass through
// the test and are lost, held up and dropped there; and, where a disk is to be filled, a
// disk of its own. What cannot be broken from outside, a sync that fails, the time of
// day, and power that is lost with what was not synced, is broken in the binary "faulty"
// beside this package: the same server on another disk, built with a package time whose
// clock can be shifted.
//
// The load is clients that write values nobody else writes, conditionally or not, create
// and delete nodes of all kinds, use multi, watch, sync and read; end sessions, leave them
// to their fate, and take them to other servers. One client stays with each server, and
// one more only reads there. Each writes down what it asked and was answered, and when.
//
// A round is one fault: there have to be acknowledged writes before it, while it lasts if
// a quorum is left, and from every server after it, each within a bound; a fault must be
// seen to have hit something. Then the clients end, and the verdict is the sum of these:
//
//   - progress: the writes above came.
//   - write, order, register, sync, read, session, ephemeral, watch: the histories, judged
//     by internal/sim/history against the transactions in the servers' logs. No
//     acknowledged write is lost, none is carried out twice, and so on; see there.
//     Porcupine judges the registers once more without believing the logs.
//   - log: the logs of all servers hold the same bytes where they overlap.
//   - trees: all servers show the same tree, with the same statistics, in the end.
//   - ephemeral: no ephemeral node is left when all sessions have ended.
//   - expiry: no session was expired while its client had writes answered; one that was
//     left alone has ended; and a client was told so only if it was so.
//   - panic: no server printed one.
//
// TestRecipes breaks the recipes of the Go client instead. Workers, each on a host of its
// own, use all of them at once while workers are cut off from the servers, both ways and
// one way, sessions expire, answers are lost when what was asked for has been done, and
// leaders are killed, isolated and stopped. Nothing may be held by two that both believe
// in it; tokens grow; a line is a line, and the end of one wakes one; no item of a queue
// is lost or done twice; a counter is the sum of what was added; nobody passes a barrier
// alone; and caches, members and instances are right in the end. Who is cut off has then
// just what others want, and callers give up waiting in the middle of a line. Bugs planted
// in the recipes show that all this finds something (TestBugsOfRecipesAreFound).
//
// A test skips itself where no namespaces can be made (root can, and "unshare -rmn" gives
// a shell that can if /dev/net/tun may be opened), and fails there when ZABRA_FAULTS is
// "required". Without that variable only one fault is run, so that "go test ./..." stays
// quick. The tests are for Linux.
//
//	make faults        every fault once, reads, planted bugs: some minutes
//	make faults-long   random faults one after another, for half an hour
//
// The seed decides which servers are hit and what the clients do in turn; what happens
// then depends on the machine, too. With ZABRA_FAULTS_LOGS set to a directory, the
// servers' logs of a failed test are kept there.
package faulttest
