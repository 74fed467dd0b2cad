package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/zabra/zabra/client"
)

// A UsageError is a command that makes no sense; it holds the command's usage.
type UsageError struct {
	Usage  string // of the command
	Reason string // may be empty
}

// Error is the reason and the usage, or that alone as zkCli prints it.
func (e *UsageError) Error() string {
	if e.Reason == "" {
		return e.Usage
	}
	return e.Reason + "\nusage: " + e.Usage
}

// An UnknownCommand is a word that no command has.
type UnknownCommand struct{ Name string }

// Error is what zkCli says.
func (e *UnknownCommand) Error() string {
	return "Command not found: Command not found " + e.Name
}

// errNotConnected ends commands behind close.
//
//lint:ignore ST1005 these are zkCli's words
var errNotConnected = errors.New("Not connected")

// A kind of error: how zkCli says it, what to try, and the exit code.
type kind struct {
	err  error
	text string // %s is the path; empty for the error's own text
	hint string
	exit int
}

// Exit codes of one command.
const (
	ExitOK          = 0
	ExitFailed      = 1   // the server said no, or something here did not work
	ExitUsage       = 2   // the command makes no sense
	ExitNoConn      = 3   // no server was reached, or the connection was lost
	ExitAuth        = 4   // credentials were refused, or an ACL does not allow it
	ExitVersion     = 5   // somebody else changed the node
	ExitUnknown     = 127 // there is no such command
	ExitInterrupted = 130
)

var kinds = []kind{
	{client.ErrNoNode, "Node does not exist: %s", "ls the parent to see what is there; a node's parent must exist before the node", ExitFailed},
	{client.ErrNodeExists, "Node already exists: %s", "set changes its data; create -s makes a new name each time", ExitFailed},
	{client.ErrNotEmpty, "Node not empty: %s", "deleteall removes it with all below it", ExitFailed},
	{client.ErrNoChildrenEphemeral, "Ephemerals cannot have children: %s", "create it below a persistent node", ExitFailed},
	{client.ErrNotReadOnly, "Not a read-only call: %s", "this server has no quorum; connect to one that has", ExitFailed},
	{client.ErrInvalidACL, "Acl is not valid : %s", "auth: entries need addauth before; digest: entries want user:base64(sha1(user:password))", ExitFailed},
	{client.ErrNoAuth, "Insufficient permission : %s", "getAcl says who may; addauth, or --auth, says who you are", ExitAuth},
	{client.ErrBadArguments, "Arguments are not valid : %s", "", ExitFailed},
	{client.ErrBadVersion, "version No is not valid : %s", "somebody changed it: get -s shows the dataVersion there is", ExitVersion},
	{client.ErrQuotaExceeded, "Quota has exceeded : %s", "listquota says which; setquota -N or -B raises it", ExitFailed},
	{client.ErrReconfigInProgress, "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)", "try again when it is done", ExitFailed},
	{client.ErrNewConfigNoQuorum, "No quorum of new config is connected and up-to-date with the leader of last committed config - try invoking reconfiguration after new servers are connected and synced", "", ExitFailed},
	{client.ErrReconfigDisabled, "KeeperErrorCode = Reconfig is disabled", "set reconfigEnabled=true on every server", ExitFailed},
	{client.ErrEphemeralOnLocal, "KeeperErrorCode = EphemeralOnLocalSession for %s", "the server gives local sessions without upgrading them", ExitFailed},
	{client.ErrNoWatcher, "KeeperErrorCode = No such watcher for %s", "", ExitFailed},
	{client.ErrAuthFailed, "KeeperErrorCode = AuthFailed for %s", "the credentials were refused", ExitAuth},
	{client.ErrSASLRequired, "KeeperErrorCode = Session closed because client failed to authenticate for %s", "", ExitAuth},
	{client.ErrUnimplemented, "KeeperErrorCode = Unimplemented for %s", "this server does not have it, or has it switched off", ExitFailed},
	{client.ErrTooLarge, "KeeperErrorCode = MarshallingError for %s", "the data may be larger than the server's jute.maxbuffer", ExitFailed},
	{client.ErrConnectionLost, "KeeperErrorCode = ConnectionLoss for %s", "the connection was lost before the answer came: look whether it happened", ExitNoConn},
	{client.ErrNoConnection, "", "are the servers up, and is the port their client port?", ExitNoConn},
	{client.ErrSessionExpired, "KeeperErrorCode = Session expired for %s", "connect opens a new session; ephemeral nodes and watches of the old one are gone", ExitNoConn},
	{client.ErrClosed, "Not connected", "connect host:port", ExitNoConn},
	{errNotConnected, "", "connect host:port", ExitNoConn},
}

func kindOf(err error) *kind {
	for i := range kinds {
		if errors.Is(err, kinds[i].err) {
			return &kinds[i]
		}
	}
	return nil
}

// ExitCode is the number of the kind of error that err is.
func ExitCode(err error) int {
	var usage *UsageError
	var unknown *UnknownCommand
	var open *ConnectError
	switch {
	case err == nil, err == errQuit:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &unknown):
		return ExitUnknown
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	}
	if k := kindOf(err); k != nil {
		return k.exit
	}
	if errors.As(err, &open) {
		return ExitNoConn
	}
	return ExitFailed
}

// A ConnectError says that no session was had.
type ConnectError struct {
	Servers string
	Err     error
}

// Error names the servers and why not.
func (e *ConnectError) Error() string {
	err := e.Err
	var op *client.Error
	if errors.As(err, &op) {
		err = op.Err
	}
	return fmt.Sprintf("connect to %s: %v", e.Servers, err)
}

// Unwrap is why.
func (e *ConnectError) Unwrap() error { return e.Err }

// A PartError says how much was done of what could not be done whole.
type PartError struct {
	Nodes int
	What  string // copied, imported ...
	Err   error
}

// Error is why, and how much was done.
func (e *PartError) Error() string {
	text := "interrupted"
	if !errors.Is(e.Err, context.Canceled) {
		text = firstLine(explain("", e.Err))
	}
	return fmt.Sprintf("%s\n%d nodes are %s, the rest is not", text, e.Nodes, e.What)
}

// Unwrap is why.
func (e *PartError) Unwrap() error { return e.Err }

// An explained error says itself as zkCli does, and what to try.
type explained struct {
	text, hint string
	err        error
}

func (e *explained) Error() string {
	if e.hint == "" {
		return e.text
	}
	return e.text + "\nhint: " + e.hint
}

func (e *explained) Unwrap() error { return e.err }

// explain puts an error into words. path is what the command is about, where the
// error does not say so itself.
func explain(path string, err error) error {
	var done *explained
	var part *PartError
	var open *ConnectError
	if err == nil || errors.As(err, &done) || errors.As(err, &part) || errors.Is(err, context.Canceled) {
		return err
	}
	k := kindOf(err)
	if k == nil {
		return err
	}
	text := k.text
	var op *client.Error
	if errors.As(err, &op) && op.Path != "" {
		path = op.Path
	}
	var size *client.SizeError
	switch {
	case errors.As(err, &size):
		return &explained{tooLarge(path, size), "--max-request is to be what the servers have as jute.maxbuffer; they close the connection of who sends more", err}
	case text == "" || errors.As(err, &open):
		text = err.Error()
	default:
		text = withPath(text, path)
	}
	return &explained{text, k.hint, err}
}

// tooLarge says of a request that was not sent how much too large it is.
func tooLarge(path string, e *client.SizeError) string {
	return strings.TrimSuffix(fmt.Sprintf("Request too large (%d bytes, --max-request is %d): %s", e.Bytes, e.Most, path), ": ")
}

func withPath(text, path string) string {
	if i := len(text) - 2; i >= 0 && text[i:] == "%s" {
		return text[:i] + path
	}
	return text
}

// about adds a path to an error that has none of its own.
func about(path string, err error) error {
	if err == nil {
		return nil
	}
	return explain(path, err)
}
