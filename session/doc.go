// Package session decides who is connected and until when: session ids,
// passwords, timeouts and expiry. It holds no clock; every time is a number of
// milliseconds handed in, from one clock that never goes back (except for
// NewIDs, which wants wall time).
//
// # Expiry
//
// Deadlines are rounded up to the tick, as ZooKeeper's are:
//
//	deadline = ((now + timeout) / tick + 1) * tick
//
// so a session lives between timeout and timeout + tick after it was last heard
// of, and all sessions of one tick lie in one bucket. Tracker keeps the buckets.
//
// A connection that reads need not write to the tracker at every request: it
// notes when it last heard from its client where only it writes, and the tracker
// asks for that when the session's bucket has come:
//
//	for _, id := range t.Due(now, buf[:0]) {
//		if heard, ok := lastActivity(id); ok && t.Touch(id, timeout, heard) {
//			continue // moved to a later bucket
//		}
//		t.Close(id) // propose closeSession; Remove(id) once it is applied
//	}
//
// # Ids
//
// The top byte is the server that made the id, then 40 bits of the millisecond
// at which it began, then a counter (client reference 2.3).
//
// # Passwords
//
// The password of a session is 16 bytes that any server can compute from its id.
// It is a checksum, not a secret: it keeps an old client from picking up
// somebody else's session by mistake. ZooKeeper's formula is kept, because
// clients move between servers of a mixed ensemble.
package session
