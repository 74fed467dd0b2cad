package client

import "github.com/zabra/zabra/wire"

// The protocol's own types.
type (
	// A Stat is what a server says of a node.
	Stat = wire.Stat
	// An ACL grants permissions to an identity.
	ACL = wire.ACL
	// An ID is a scheme and an identity within it.
	ID = wire.ID
	// A Zxid numbers transactions; a larger one is later.
	Zxid = wire.Zxid
	// A SessionID names a session.
	SessionID = wire.SessionID
)

// Permissions of an ACL.
const (
	PermRead   = wire.PermRead
	PermWrite  = wire.PermWrite
	PermCreate = wire.PermCreate
	PermDelete = wire.PermDelete
	PermAdmin  = wire.PermAdmin
	PermAll    = wire.PermAll
)

// AnyVersion matches every version of a node.
const AnyVersion = -1

// World lets everybody do what perms say.
func World(perms int32) []ACL { return wire.WorldAnyone(perms) }

// Creator lets whoever creates the node do what perms say; the connection must have
// authenticated.
func Creator(perms int32) []ACL {
	return []ACL{{Perms: perms, ID: ID{Scheme: "auth", ID: ""}}}
}
