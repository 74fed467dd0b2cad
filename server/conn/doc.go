// Package conn serves client ports: it accepts, tells TLS, four-letter words and
// sessions apart, reads frames and hands requests to package pipeline.
//
// Each connection has one goroutine, which reads. While it waits it holds no
// buffer, so an idle connection costs little more than its stack. Replies are
// written by whoever has something to write: that goroutine after it has
// answered reads, a flusher of the pipeline after a commit. A write that would
// block goes on in a goroutine of its own, until the peer has read it or is
// dropped.
//
// What the first bytes decide: 0x16 begins a TLS handshake where TLS is on; four
// bytes that are a known word get its answer; all else is the length of a
// connect request. A connection that has opened no session after
// Options.SessionlessTimeout is closed.
//
// A connection that the server ends after a last reply is closed gently: FIN
// behind the reply, then up to two seconds for the peer to close, since closing
// with unread input would reset the connection and lose the reply.
package conn
