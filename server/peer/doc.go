// Package peer carries what servers of an ensemble say to each other: votes
// between election ports, and packets between a leader's quorum port and its
// learners. It owns the sockets and decides nothing about the protocols that are
// spoken over them; packages election and zab do, and package server drives them.
//
// # Election port
//
// Election keeps at most one connection to each server. The rule is that of the
// larger id: whoever dials says who it is, in one write (wire.InitialMessage), and
//
//   - a dialler with the larger id keeps the connection, and both sides drop an
//     older one;
//   - a dialler with the smaller id closes it again. It has only asked to be
//     called: the acceptor drops the connection that it may still believe in, and
//     dials back.
//
// So a connection that lasts always runs from the larger id to the smaller.
// Connections are made when there is something to send. An attempt dials all
// addresses of the server, later ones a little behind earlier ones, and takes the
// first that answers; host names are resolved anew each time. A server of the
// ensemble is dialled again, with growing pauses, as long as something is waiting
// for it; a stranger, which has called and told its address, once for each call.
//
// Each server has room for one notification that waits. A newer one takes its
// place, because only the last vote matters. The last one that was written is
// written again when a connection is made anew, since nobody knows whether it
// arrived; and a connection is made anew for it if the old one breaks soon after. So
// a notification may come twice, and late, but never behind a newer one of the same
// server. A notification that cannot be decoded is skipped, as ZooKeeper does; a frame
// of an impossible length ends the connection.
//
// # Quorum port
//
// A leader has a Listener; a learner uses Dial. Both get a Conn, which reads and
// writes quorum packets in goroutines of its own:
//
//   - Reading delivers the packets that arrived together in one call, in order. A
//     call that blocks holds up the connection and nothing else. Packets alias
//     memory that is not used again: whoever gets them may keep them.
//   - The packet SNAP is followed by a stream without a length. Its reader is handed
//     over with the packet, and packets are read on from where that call has left
//     it.
//   - Sending never blocks. Packets wait in a queue, and as many of them as there
//     are leave with one write. A stream waits in its place in the queue.
//
// Nobody but the owner knows what a silence means, so a Conn has no timer of its
// own: SetReadTimeout, Backlog and Written are there for the owner's. A machine that
// is gone is the system's business: keepalive finds it where nothing is being sent, and
// Transport.UserTimeout where something is.
//
// # TLS and SASL
//
// A Transport says what connections of both ports begin with. The dialler is the
// client of TLS; certificates of both sides are checked. With Unify the acceptor
// takes plain connections too, which it tells by their first byte. SASL (DIGEST-MD5)
// is begun by the dialler: on the quorum port before the first packet, on the
// election port behind the initial message. Each packet of it is
//
//	long 0x5F2435013501EDCC · int status (0 goes on, 1 done, -1 failed) · buffer token
//
// and the first one, with an empty token, is the dialler's. So each step of a
// migration, from nothing to everything required, lets servers before it and behind
// it reach each other. FromConfig reads all of this from a configuration.
//
// # Strangers
//
// Whoever reaches a port may connect to it. What a connection may cost before it has
// said something sensible is bounded: in time (Transport.HandshakeTimeout for the
// whole of TLS, initial message and SASL; Conn: until the first packet) and in
// number. When there are too many of them the oldest is closed, so that a crowd
// that says nothing does not keep a server out. All lengths are checked before
// anything is allocated for them.
//
// # Goroutines
//
// Election: one for each listener, two for each connection, one for each server
// that is being dialled, one for each connection that has not said who it is.
// Listener: one for each listener, one for each connection until it is handed over.
// Conn: two, from Start until Handler.Ended. Close of the first two waits for theirs.
//
// Source of the facts: sections 1.1 to 1.3, 2 and 8 of the reference of ZooKeeper's
// quorum protocol, and QuorumCnxManager, Learner and LearnerHandler of ZooKeeper
// 3.9.5.
package peer
