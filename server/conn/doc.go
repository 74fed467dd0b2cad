// Package conn serves client ports: it accepts, tells TLS, four-letter words and
// sessions apart, reads frames and hands requests to package pipeline.
//
// Each connection begins with a goroutine of its own, which reads. On Linux a plain
// connection gives it up behind its first request: an event loop goes on with it.
// Everything else keeps its goroutine. Replies are written by whoever has something to
// write: the reader after it has answered reads, a flusher of the pipeline after a
// commit. A write that would block goes on in a goroutine of its own, until the peer has
// read it or is dropped. While nothing has been read in part, an idle connection holds
// no buffer, whoever serves it.
//
// What the first bytes decide: 0x16 begins a TLS handshake where TLS is on; four
// bytes that are a known word get its answer; all else is the length of a
// connect request. A connection that has opened no session after
// Options.SessionlessTimeout is closed.
//
// A connection that the server ends after a last reply is closed gently: FIN
// behind the reply, then up to two seconds for the peer to close, since closing
// with unread input would reset the connection and lose the reply.
//
// # Event loops
//
// A loop (loop_linux.go) is one goroutine over one epoll set, edge-triggered. Each
// wake-up is a round: every connection that has something gets one turn, their writes
// go to the core as one batch, and then the replies to their reads are written. A turn
// (seat_linux.go) is one read of at most 16 KiB, or of what a longer frame lacks, and
// the requests in it; a read that fills the buffer, and requests that take long, end the
// turn, and the connection gets another in the next round. So what one client can take
// of the others' time in a round is bounded, and nothing in a round waits for a client:
// a client that has as much under way as it may is left alone until a goroutine that
// waits on its behalf says that there is room (pipeline.Client.WaitRoom).
//
// A lone write may be carried out by the loop itself, with its sync, where that is quick
// (relief_linux.go). Should the disk stall then, another goroutine goes on with the loop.
//
// The socket is taken away from the net package (descriptor_unix.go): else the runtime's
// poller would be woken by every packet as well. The descriptor is closed under a lock,
// so nobody uses a number that belongs to another socket by now. Whoever closes or
// finishes it kicks the connection: the loop gives up its seat, and a goroutine brings
// it to its end, as for any other connection.
package conn
