package audit

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/zabra/zabra/wire"
)

// The operations, as the log names them.
const (
	Create           = "create"
	Delete           = "delete"
	SetData          = "setData"
	SetACL           = "setAcl"
	Multi            = "multiOperation"
	Reconfig         = "reconfig"
	EphemeralRemoval = "ephemeralZNodeDeletionOnSessionCloseOrExpire"
	Start            = "serverStart"
	Stop             = "serverStop"
)

// A Result is how an operation ended.
type Result string

// The results.
const (
	Success Result = "success"
	Failure Result = "failure"
	Invoked Result = "invoked"
)

// An Event is what one line says. Empty fields are left out.
type Event struct {
	Session   wire.SessionID
	User      string
	IP        string
	Operation string
	Znode     string
	ZnodeType string // see TypeOf
	ACL       string // see ACLText
	Result    Result
}

// AppendTo appends the line, without its end.
func (e *Event) AppendTo(b []byte) []byte {
	start := len(b)
	field := func(name, value string) {
		if value == "" {
			return
		}
		if len(b) > start {
			b = append(b, '\t')
		}
		b = append(append(b, name...), '=')
		b = appendPlain(b, value)
	}
	if e.Session != 0 {
		field("session", e.Session.String())
	}
	field("user", e.User)
	field("ip", e.IP)
	field("operation", e.Operation)
	field("znode", e.Znode)
	field("znode_type", e.ZnodeType)
	field("acl", e.ACL)
	field("result", string(e.Result))
	return b
}

// appendPlain appends text that somebody else chose, so that it can end neither the
// line nor the field.
func appendPlain(b []byte, text string) []byte {
	for _, r := range text {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			b = fmt.Appendf(b, `\u%04x`, r)
			continue
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}

// TypeOf is a create mode as the log names it, "" for one that there is not.
func TypeOf(mode wire.CreateMode) string {
	names := [...]string{
		wire.ModePersistent:              "persistent",
		wire.ModeEphemeral:               "ephemeral",
		wire.ModePersistentSequential:    "persistent_sequential",
		wire.ModeEphemeralSequential:     "ephemeral_sequential",
		wire.ModeContainer:               "container",
		wire.ModePersistentTTL:           "persistent_with_ttl",
		wire.ModePersistentSequentialTTL: "persistent_sequential_with_ttl",
	}
	if !mode.Valid() {
		return ""
	}
	return names[mode]
}

// ACLText is an ACL as the log shows it.
func ACLText(acl []wire.ACL) string {
	var b []byte
	for i, entry := range acl {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, entry.ID.Scheme...), ':')
		b = append(append(b, entry.ID.ID...), ':')
		b = appendPerms(b, entry.Perms)
	}
	return string(b)
}

func appendPerms(b []byte, perms int32) []byte {
	for _, p := range [...]struct {
		bit    int32
		letter byte
	}{{wire.PermCreate, 'c'}, {wire.PermDelete, 'd'}, {wire.PermRead, 'r'}, {wire.PermWrite, 'w'}, {wire.PermAdmin, 'a'}} {
		if perms&p.bit != 0 {
			b = append(b, p.letter)
		}
	}
	return b
}
