// Package pipeline runs requests: it answers reads from the tree and turns
// writes into transactions that are logged, synced, applied and answered.
//
// # The life of a write
//
//  1. Whoever reads the connection decodes and validates it completely
//     (DecodeRequest), puts it into the client's queue and submits it.
//  2. The core takes everything submitted as one batch. The Preparer turns each request
//     into exactly one transaction, against the tree and an overlay of what is prepared
//     and not applied yet; a request that fails becomes an error transaction. The batch
//     goes to the log.
//  3. The log appends all it has been given, with one sync, and tells the core up to
//     which zxid it is durable. What that commits, the role says: see below.
//  4. The core applies what is committed, in order, with the tree locked: change
//     the tree, queue events with the watchers, answer the client. Nothing is
//     answered before it is durable: answers are only made in this step.
//  5. A flusher goroutine, or for a few clients the core, writes the outbox to the socket.
//
// # Roles
//
// Who turns a request into a transaction, and what commits it, depends on the core's
// role; the rest is the same in all of them (role.go).
//
//	alone       prepares; what is durable here is committed
//	leading     prepares, for all servers; zab.Leader says what a quorum has
//	learning    passes requests on to the leader; the transaction that comes back is
//	            matched with its request by session and cxid (zab.Learner)
//	read-only   refuses writes; it shows what is known to be decided (readonly.go)
//	none        serves nobody: a member between two roles
//
// A server that stands alone is alone from New on. A member begins with none; Lead, Learn
// and ServeReadOnly give it a role, and the report of that role says when it has ended.
// Writes that are under way then are not answered: the connections they came by end.
//
// Requests of other servers come as packets (Leadership, Hosting), and end up among those
// of the batch. Each of those servers has a share of the memory: while too much of one is
// under way its connection is not read from (share.go).
//
// # Who does it
//
// Core and log are each served by one goroutine at a time; "the core's goroutine" and
// "the log's" are whoever that is (hands.go). Two goroutines stand by, which take
// whichever of the two has something to do and is free. So a write that comes alone is
// seen to its end by one goroutine that is woken once, while under load one of them keeps
// to the core and the other to the log. A disk that stalls holds up the one that has the
// log, and nothing else: requests, ACKs, pings, sessions and the time come to the other.
//
// Waking somebody costs more than a lone write does, where the log is quick. Whoever
// brings work may then do it himself (visit). That is bounded:
//
//   - an event loop gives the core a turn with a write that was all its round has brought,
//     if the last 16 batches were each appended and synced within 100 us. If nothing else
//     has come to the core, and nothing but that write to the log, it does the log's part
//     too. A call that wants the log alone (Truncate, Replace, SetEpoch, Settle) and a batch
//     are left to the two who stand by. A disk that stalls just then, or is full, catches
//     the loop all the same: conn has another goroutine go on with it within about 10 ms.
//     At most two loops can be away at a time, one in the core and one in the log, so that
//     is how many goroutines reliefs can add;
//   - a goroutine that opens a session or has read a few packets of another server gives
//     the core a turn, but never waits for the log.
//
// Nothing is forgotten, for these reasons, all of which wakeup_test.go takes up:
//
//   - Whoever brings something puts it into an inbox and then rings the bell, or looks
//     himself (visit, and the goroutine that has core or log and brings something to the
//     other). The bell keeps one ring for those who are not waiting at that moment, and
//     whoever takes it looks at both inboxes.
//   - Core and log are taken with TryLock. To find one taken loses nothing: whoever has it
//     looks at its inbox once more after he has let go. The goroutines that stand by go
//     back to the bell only when both inboxes were empty, or taken by somebody else, one
//     after the other; a visitor rings if either is not empty.
//   - Before whoever let go of the one does something that may take long with the other,
//     he rings if there is more to do for the first (summon; visit does not begin then).
//     So nothing waits for a disk, or for a long turn, that need not.
//   - Once Run has ended, nobody has the core, since the one who ended it had it, and said
//     so before he let go; and nobody has the log, since close takes it for good. Who is on
//     a visit then finds both closed, and his clients are killed.
//
// # Preparation
//
// Preparer.Prepare is pure: prep*.go and overlay.go import no clock, lock or
// socket. It checks in ZooKeeper's order, which clients can tell apart (see
// create), and against the state that the request will find: the tree, overlaid
// with what every transaction under way does to nodes and sessions. An entry of
// the overlay bears the zxid that last changed it and goes when that is applied;
// an idle preparer holds nothing. A request therefore becomes the same bytes
// however many are under way, but for three that look at the applied tree on
// purpose: quotas, which ZooKeeper does not add up either; deleteContainer, which
// gives way to any change under way; and createSession, refused while a
// closeSession of the same id is under way.
//
// # The life of a read
//
// Whoever reads the connection answers it where it is decoded, holding one stripe
// of the tree's lock until the reply is in the outbox. If an earlier write of
// the same client is on its way, the read waits in the client's queue until that
// write is applied. It is then answered by a flusher, or by the core if the
// client's next write is applied before a flusher comes to it: so a read never
// sees a later write of its own session.
//
// # Local sessions
//
// Where Options.LocalSessions says so, a member opens, times and ends sessions by
// itself (local.go). Their writes go the way of all writes. The first request for an
// ephemeral node makes such a session global: a createSession for its id is proposed
// just before the request.
//
// # Read-only
//
// Between two roles of a member, ServeReadOnly lets clients that asked for it read
// (readonly.go). Their connections refuse writes by themselves, and end with the role.
//
// # Order
//
//   - Replies leave in the order of the requests; only replies to pings, and
//     events, may stand anywhere.
//   - The event of a change stands before the reply of the write that made it, and
//     before every reply that shows the change: events go into outboxes while the
//     tree is locked for the change, replies while it is locked for reading.
//   - No event stands before the reply of the read that set its watch.
//
// # Bounds
//
// Per client: requests under way (Options.MaxQueued, and MaxQueuedBytes, in which a read
// that waits weighs what its answer will have) and bytes not read by the peer
// (MaxOutbox). A client above the first is not read from; one above the last is dropped.
// Over all clients: writes under way (OutstandingLimit, MaxRequests), bytes of large
// requests (LargeBytes), and bytes that wait for slow readers (MaxUnsentTotal), where
// those go first for whom most waits. Per learner: its share, see above; what waits to be
// sent to it is bounded by zab and package server. While the disk is full a write waits
// for MaxFullWait.
package pipeline
