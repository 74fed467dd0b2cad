package wire

import "fmt"

// A Code is the err field of a reply. It is an error; OK is the absence of one.
// Codes that are not listed here are never sent: clients break on codes they
// do not know.
type Code int32

// The codes a server puts on the wire, with the words the Java client prints.
const (
	OK                      Code = 0
	RuntimeInconsistency    Code = -2
	MarshallingError        Code = -5
	Unimplemented           Code = -6
	BadArguments            Code = -8
	NewConfigNoQuorum       Code = -13
	ReconfigInProgress      Code = -14
	NoNode                  Code = -101
	NoAuth                  Code = -102
	BadVersion              Code = -103
	NoChildrenForEphemerals Code = -108
	NodeExists              Code = -110
	NotEmpty                Code = -111
	SessionExpired          Code = -112
	InvalidACL              Code = -114
	AuthFailed              Code = -115
	SessionMoved            Code = -118 // never as a reply: the connection is closed
	NotReadOnly             Code = -119
	EphemeralOnLocalSession Code = -120
	NoWatcher               Code = -121
	ReconfigDisabled        Code = -123
	SASLAuthRequired        Code = -124
	QuotaExceeded           Code = -125
	Throttled               Code = -127
)

var codeText = map[Code]string{
	OK: "ok", RuntimeInconsistency: "RuntimeInconsistency", MarshallingError: "MarshallingError",
	Unimplemented: "Unimplemented", BadArguments: "BadArguments", NewConfigNoQuorum: "NewConfigNoQuorum",
	ReconfigInProgress: "ReconfigInProgress", NoNode: "NoNode", NoAuth: "NoAuth", BadVersion: "BadVersion",
	NoChildrenForEphemerals: "NoChildrenForEphemerals", NodeExists: "NodeExists", NotEmpty: "Directory not empty",
	SessionExpired: "Session expired", InvalidACL: "InvalidACL", AuthFailed: "AuthFailed",
	SessionMoved: "Session moved", NotReadOnly: "Not a read-only call",
	EphemeralOnLocalSession: "Ephemeral node on local session", NoWatcher: "No such watcher",
	ReconfigDisabled: "Reconfig is disabled",
	SASLAuthRequired: "Session closed because client failed to authenticate",
	QuotaExceeded:    "Quota has exceeded", Throttled: "Op throttled due to high load",
}

// Error is the Java client's text for the code.
func (c Code) Error() string {
	if s, ok := codeText[c]; ok {
		return s
	}
	return fmt.Sprintf("Unknown error %d", int32(c))
}
