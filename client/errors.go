package client

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/zabra/zabra/wire"
)

// What a server answers instead of doing what was asked. Test with errors.Is.
var (
	ErrNoNode              error = wire.NoNode
	ErrNodeExists          error = wire.NodeExists
	ErrNotEmpty            error = wire.NotEmpty   // delete of a node with children
	ErrBadVersion          error = wire.BadVersion // the node was changed meanwhile
	ErrNoAuth              error = wire.NoAuth     // the ACL does not allow it
	ErrInvalidACL          error = wire.InvalidACL
	ErrNoChildrenEphemeral error = wire.NoChildrenForEphemerals // ephemeral nodes have no children
	ErrQuotaExceeded       error = wire.QuotaExceeded
	ErrBadArguments        error = wire.BadArguments
	ErrTooLarge            error = wire.MarshallingError // or malformed
	ErrUnimplemented       error = wire.Unimplemented    // by this server
	ErrNotReadOnly         error = wire.NotReadOnly      // a write to a server without a quorum
	ErrThrottled           error = wire.Throttled        // the server is overloaded
	ErrReconfigInProgress  error = wire.ReconfigInProgress
	ErrReconfigDisabled    error = wire.ReconfigDisabled
	ErrNewConfigNoQuorum   error = wire.NewConfigNoQuorum
	ErrEphemeralOnLocal    error = wire.EphemeralOnLocalSession
	ErrNoWatcher           error = wire.NoWatcher
	ErrSessionExpired      error = wire.SessionExpired
	ErrAuthFailed          error = wire.AuthFailed
	ErrSASLRequired        error = wire.SASLAuthRequired
	ErrRolledBack          error = wire.RuntimeInconsistency // behind the operation of a Txn that failed
)

// What ends a call without an answer.
var (
	// ErrConnectionLost says that the connection was lost after the request was sent:
	// whether a write happened is not known.
	ErrConnectionLost = errors.New("the connection was lost before the answer came: it may have happened or not")
	// ErrNoConnection says that no server could be reached in time. Nothing was sent.
	ErrNoConnection = errors.New("no server could be reached in time")
	// ErrClosed says that the Client was closed.
	ErrClosed = errors.New("the client is closed")
)

// An Error says which call failed, on which path, and why.
type Error struct {
	Op   string // as ZooKeeper's protocol calls it: create, getData, multi ...
	Path string // as the caller gave it; of a Txn that of the operation that failed
	Root string // below which Path is, if that is not the service's own root
	Err  error  // one of those above, a context's, or a *ProtocolError
}

// Error is the operation, the path and the reason.
func (e *Error) Error() string {
	where := ""
	if e.Path != "" {
		where = " " + printable(e.Path)
	}
	if e.Root != "" {
		where += " below " + e.Root
	}
	return fmt.Sprintf("%s%s: %s", e.Op, where, reason(e.Err))
}

// printable is a path as it may stand in a log: what is no path may hold anything.
func printable(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}

// Unwrap makes errors.Is and errors.As see the reason.
func (e *Error) Unwrap() error { return e.Err }

var reasons = map[wire.Code]string{
	wire.NoNode:                  "there is no such node",
	wire.NodeExists:              "the node exists",
	wire.NotEmpty:                "the node has children",
	wire.BadVersion:              "the version is another: somebody changed the node",
	wire.NoAuth:                  "the node's ACL does not allow it to the identities of this connection",
	wire.InvalidACL:              "the ACL is invalid, or names a scheme that this connection did not authenticate with",
	wire.NoChildrenForEphemerals: "an ephemeral node cannot have children",
	wire.QuotaExceeded:           "a quota would be exceeded",
	wire.NotReadOnly:             "the server has no quorum and serves reads only",
	wire.SessionExpired:          "the session has expired",
	wire.AuthFailed:              "the server refused the credentials",
	wire.MarshallingError:        "the server could not read the request; it may be too large",
	wire.Unimplemented:           "the server does not know this operation, or has it switched off; nodes with a time to live need its extendedTypesEnabled",
	wire.BadArguments:            "the server does not take these arguments",
	wire.ReconfigDisabled:        "the server has reconfiguration switched off: reconfigEnabled",
	wire.ReconfigInProgress:      "another reconfiguration is under way",
	wire.NewConfigNoQuorum:       "too few of the new configuration's servers follow the leader",
	wire.EphemeralOnLocalSession: "a local session cannot have ephemeral nodes here",
	wire.SASLAuthRequired:        "the server wants clients to prove by SASL who they are",
	wire.Throttled:               "the server is overloaded",
	wire.NoWatcher:               "there is no such watch",
}

func reason(err error) string {
	if code, ok := err.(wire.Code); ok && reasons[code] != "" {
		return reasons[code]
	}
	return err.Error()
}

// A SizeError says that a request was not sent, since it has more bytes than
// Options.MaxRequest. It is an ErrTooLarge.
type SizeError struct{ Bytes, Most int }

// Error says how much too large it is, and what to do.
func (e *SizeError) Error() string {
	return fmt.Sprintf("the request has %d bytes, and %d are allowed: Options.MaxRequest is to be what the servers have as jute.maxbuffer", e.Bytes, e.Most)
}

// Is makes it an ErrTooLarge.
func (*SizeError) Is(target error) bool { return target == ErrTooLarge }

// A SyncError says that a linearizable read was not answered, since the sync before it
// failed: what the server has may be old.
type SyncError struct{ Err error }

// Error says why the sync failed.
func (e *SyncError) Error() string { return "the sync before the read failed: " + reason(e.Err) }

// Unwrap is why the sync failed.
func (e *SyncError) Unwrap() error { return e.Err }

// A LostError is an ErrConnectionLost whose reason was an answer that could not be read.
type LostError struct{ Err *ProtocolError }

// Error says what could not be read.
func (e *LostError) Error() string { return ErrConnectionLost.Error() + ": " + e.Err.Error() }

// Unwrap makes it an ErrConnectionLost, and a *ProtocolError.
func (e *LostError) Unwrap() []error { return []error{ErrConnectionLost, e.Err} }

// An AuthError says that a server refused an identity, or did not show that it may ask
// for one. It is an ErrAuthFailed, and ends the Client: no server is tried again with
// the same proof.
type AuthError struct {
	Scheme string // of the Auth; sasl for Options.SASL
	Server string // host:port
	Err    error  // the server's answer, or what was wrong with it
}

// Error says who refused what, and why.
func (e *AuthError) Error() string {
	return fmt.Sprintf("authentication by %s at %s: %s", e.Scheme, e.Server, reason(e.Err))
}

// Unwrap is the reason.
func (e *AuthError) Unwrap() error { return e.Err }

// Is makes it an ErrAuthFailed.
func (e *AuthError) Is(target error) bool { return target == ErrAuthFailed }

// A ProtocolError is an answer that is none. The connection it came from is closed.
type ProtocolError struct {
	What string
	Err  error
}

// Error says what could not be read.
func (e *ProtocolError) Error() string { return fmt.Sprintf("%s: %v", e.What, e.Err) }

// Unwrap is what was wrong with it.
func (e *ProtocolError) Unwrap() error { return e.Err }
