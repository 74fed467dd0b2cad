package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/zabra/zabra/wire"
)

// Options say how a Client behaves. The zero value is good.
type Options struct {
	// SessionTimeout is how long the service keeps the session without hearing of
	// the client; the server may grant another. 10 s if zero or less.
	SessionTimeout time.Duration
	// ConnectTimeout bounds one attempt to connect and open the session. If zero it is a
	// third of SessionTimeout; with more than three servers SessionTimeout is divided by
	// their number, but for less than a second.
	ConnectTimeout time.Duration
	// AnswerTimeout is how long a server that is alive may answer no request at all;
	// then another is tried. One minute if zero.
	AnswerTimeout time.Duration
	// Auth are identities to take at every connection, before anything else is sent.
	// A server that refuses one ends Open, and later the Client, with ErrAuthFailed.
	Auth []Auth
	// SASL proves who the client is at every connection, before Auth and everything
	// else. A server that refuses it, or has no SASL, ends Open, and later the Client,
	// with an *AuthError. None if nil.
	SASL SASL
	// TLS has connections made by TLS. A config without ServerName verifies the name
	// of the server it connects to.
	TLS *tls.Config
	// ReadOnly accepts a server that has lost its quorum. The client looks for a
	// better one meanwhile. Writes fail there with ErrNotReadOnly.
	ReadOnly bool
	// Linearizable makes reads never miss what was written before they were asked
	// for, by anybody: each goes behind a sync, which reads that arrive together
	// share. It is as good as the server's sync: of Zabra's, confirmed by a quorum.
	Linearizable bool
	// ACL is that of nodes created without one. Open to everybody if empty.
	ACL []ACL
	// Logger gets connections made and lost. No log if nil.
	Logger *slog.Logger
	// Metrics is told of calls, connections and events. May be nil.
	Metrics Metrics
	// Dial makes connections; it ends with its context. A net.Dialer if nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolve returns the addresses of a host; it ends with its context. Every attempt
	// to connect asks, since names move. The system's resolver if nil.
	Resolve func(ctx context.Context, host string) ([]string, error)
	// MaxReply bounds the answers that are accepted, in bytes. 256 MiB if zero: the
	// names of a node's children have no bound of their own.
	MaxReply int
	// MaxRequest bounds the requests that are sent, in bytes; a larger one fails with
	// a *SizeError. Servers close the connection of who sends more than their
	// jute.maxbuffer, and all that is under way there is lost. Set it like that; as
	// with servers, 1,048,575 if zero.
	MaxRequest int
	// MaxCalls bounds the calls that are under way or wait for a connection, and also
	// those of Async whose callbacks were not called yet; more wait for their turn.
	// 65,536 if zero.
	MaxCalls int
	// MaxQueuedEvents bounds the events that wait in a persistent watch nobody reads;
	// beyond, they become one EventGap. 65,536 if zero.
	MaxQueuedEvents int
}

// Auth is an identity and its proof, for instance {"digest", "user:password"}.
type Auth struct {
	Scheme string
	Data   []byte
}

// String does not show the proof.
func (a Auth) String() string { return a.Scheme + ":[redacted]" }

// GoString does not show the proof.
func (a Auth) GoString() string { return fmt.Sprintf("client.Auth(%q, [redacted])", a.Scheme) }

// maxRequest is what servers take if nobody has told them anything else.
const maxRequest = 0xfffff

func (o Options) withDefaults(list *servers) Options {
	if o.SessionTimeout <= 0 {
		o.SessionTimeout = 10 * time.Second
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = list.connectTimeout(o.SessionTimeout)
	}
	if o.AnswerTimeout == 0 {
		o.AnswerTimeout = time.Minute
	}
	if len(o.ACL) == 0 {
		o.ACL = wire.WorldAnyone(wire.PermAll)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Resolve == nil {
		o.Resolve = net.DefaultResolver.LookupHost
	}
	if o.MaxReply == 0 {
		o.MaxReply = 256 << 20
	}
	if o.MaxRequest == 0 {
		o.MaxRequest = maxRequest
	}
	if o.MaxCalls == 0 {
		o.MaxCalls = 1 << 16
	}
	if o.MaxQueuedEvents == 0 {
		o.MaxQueuedEvents = 1 << 16
	}
	return o
}

// Metrics is told what a Client does. Its methods are called by many goroutines and
// must be quick.
type Metrics interface {
	// Call is told of every call that ended: how long it took from the method's
	// beginning, and its error.
	Call(op string, took time.Duration, err error)
	// State is told of every change of the Client's state.
	State(State)
	// Event is told of every event that a server sent.
	Event(EventType)
}
