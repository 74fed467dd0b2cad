package wire

import "fmt"

// An OpCode says what a request asks for, and which record a transaction holds.
type OpCode int32

// The opcodes of ZooKeeper 3.9. Request record / reply record (err 0) / first version.
const (
	OpNotification         OpCode = 0   // never valid from a client
	OpCreate               OpCode = 1   // CreateRequest / PathResponse / 3.0
	OpDelete               OpCode = 2   // PathVersionRequest / - / 3.0
	OpExists               OpCode = 3   // PathWatchRequest / StatResponse / 3.0
	OpGetData              OpCode = 4   // PathWatchRequest / GetDataResponse / 3.0
	OpSetData              OpCode = 5   // SetDataRequest / StatResponse / 3.0
	OpGetACL               OpCode = 6   // PathRequest / GetACLResponse / 3.0
	OpSetACL               OpCode = 7   // SetACLRequest / StatResponse / 3.0
	OpGetChildren          OpCode = 8   // PathWatchRequest / ChildrenResponse / 3.0
	OpSync                 OpCode = 9   // PathRequest / PathResponse / 3.0
	OpPing                 OpCode = 11  // - / - / 3.0
	OpGetChildren2         OpCode = 12  // PathWatchRequest / Children2Response / 3.3
	OpCheck                OpCode = 13  // PathVersionRequest / - / 3.4, only inside multi
	OpMulti                OpCode = 14  // MultiHeader and record pairs / the same / 3.4
	OpCreate2              OpCode = 15  // CreateRequest / PathStatResponse / 3.5
	OpReconfig             OpCode = 16  // ReconfigRequest / GetDataResponse / 3.5
	OpCheckWatches         OpCode = 17  // WatchTypeRequest / - / 3.5
	OpRemoveWatches        OpCode = 18  // WatchTypeRequest / - / 3.5
	OpCreateContainer      OpCode = 19  // CreateRequest / PathStatResponse / 3.5
	OpDeleteContainer      OpCode = 20  // PathRequest / - / 3.5, only from a server
	OpCreateTTL            OpCode = 21  // CreateTTLRequest / PathStatResponse / 3.5.4
	OpMultiRead            OpCode = 22  // MultiHeader and record pairs / the same / 3.6
	OpAuth                 OpCode = 100 // AuthRequest / - / 3.0
	OpSetWatches           OpCode = 101 // SetWatchesRequest / - / 3.0
	OpSASL                 OpCode = 102 // SASLRequest / SASLRequest / 3.4
	OpGetEphemerals        OpCode = 103 // PathRequest / ChildrenResponse / 3.6
	OpGetAllChildrenNumber OpCode = 104 // PathRequest / CountResponse / 3.6
	OpSetWatches2          OpCode = 105 // SetWatches2Request / - / 3.6
	OpAddWatch             OpCode = 106 // AddWatchRequest / ErrorResponse{0} / 3.6
	OpWhoAmI               OpCode = 107 // - / WhoAmIResponse / 3.7
	OpError                OpCode = -1  // a transaction that only records a failure; ends a multi
	OpCreateSession        OpCode = -10 // CreateSessionTxn, only from a server
	OpCloseSession         OpCode = -11 // - / - / 3.0
)

var opNames = map[OpCode]string{
	OpNotification: "notification", OpCreate: "create", OpDelete: "delete", OpExists: "exists",
	OpGetData: "getData", OpSetData: "setData", OpGetACL: "getACL", OpSetACL: "setACL",
	OpGetChildren: "getChildren", OpSync: "sync", OpPing: "ping", OpGetChildren2: "getChildren2",
	OpCheck: "check", OpMulti: "multi", OpCreate2: "create2", OpReconfig: "reconfig",
	OpCheckWatches: "checkWatches", OpRemoveWatches: "removeWatches",
	OpCreateContainer: "createContainer", OpDeleteContainer: "deleteContainer",
	OpCreateTTL: "createTTL", OpMultiRead: "multiRead", OpAuth: "auth", OpSetWatches: "setWatches",
	OpSASL: "sasl", OpGetEphemerals: "getEphemerals", OpGetAllChildrenNumber: "getAllChildrenNumber",
	OpSetWatches2: "setWatches2", OpAddWatch: "addWatch", OpWhoAmI: "whoAmI", OpError: "error",
	OpCreateSession: "createSession", OpCloseSession: "closeSession",
}

// String is the operation's name in ZooKeeper's documentation.
func (o OpCode) String() string {
	if s, ok := opNames[o]; ok {
		return s
	}
	return fmt.Sprintf("op(%d)", int32(o))
}

// A CreateMode is the flags field of a create request.
type CreateMode int32

// The create modes.
const (
	ModePersistent              CreateMode = 0
	ModeEphemeral               CreateMode = 1
	ModePersistentSequential    CreateMode = 2
	ModeEphemeralSequential     CreateMode = 3
	ModeContainer               CreateMode = 4
	ModePersistentTTL           CreateMode = 5
	ModePersistentSequentialTTL CreateMode = 6
)

// Valid reports whether m is a mode of ZooKeeper's.
func (m CreateMode) Valid() bool { return m >= ModePersistent && m <= ModePersistentSequentialTTL }

// Sequential reports whether the server appends a number to the name.
func (m CreateMode) Sequential() bool {
	return m == ModePersistentSequential || m == ModeEphemeralSequential || m == ModePersistentSequentialTTL
}

// Ephemeral reports whether the node goes with its session.
func (m CreateMode) Ephemeral() bool { return m == ModeEphemeral || m == ModeEphemeralSequential }

// TTL reports whether the node has a time to live.
func (m CreateMode) TTL() bool { return m == ModePersistentTTL || m == ModePersistentSequentialTTL }

// An EventType says what a notification is about.
type EventType int32

// The events a server sends.
const (
	EventNone                EventType = -1
	EventNodeCreated         EventType = 1
	EventNodeDeleted         EventType = 2
	EventNodeDataChanged     EventType = 3
	EventNodeChildrenChanged EventType = 4
)

var eventNames = map[EventType]string{
	EventNone: "None", EventNodeCreated: "NodeCreated", EventNodeDeleted: "NodeDeleted",
	EventNodeDataChanged: "NodeDataChanged", EventNodeChildrenChanged: "NodeChildrenChanged",
}

// String is the event's name in ZooKeeper's documentation.
func (e EventType) String() string {
	if s, ok := eventNames[e]; ok {
		return s
	}
	return fmt.Sprintf("event(%d)", int32(e))
}

// StateSyncConnected is the state in every event a server sends.
const StateSyncConnected = 3

// An AddWatchMode is the mode of an addWatch request.
type AddWatchMode int32

// The modes of addWatch.
const (
	WatchPersistent          AddWatchMode = 0
	WatchPersistentRecursive AddWatchMode = 1
)

// Permission bits of an ACL.
const (
	PermRead   = 1
	PermWrite  = 2
	PermCreate = 4
	PermDelete = 8
	PermAdmin  = 16
	PermAll    = 31
)

// Markers in the stored ephemeral owner of nodes that are not ephemeral.
const (
	// ContainerOwner marks a container.
	ContainerOwner int64 = -1 << 63
	// TTLOwner is the top byte that marks a TTL node; the low 40 bits are the
	// time to live in milliseconds.
	TTLOwner int64 = -1 << 56
	// MaxTTL is the longest time to live, in milliseconds.
	MaxTTL int64 = 1<<40 - 1
)

// WorldAnyone is the list that lets everybody do everything.
func WorldAnyone(perms int32) []ACL {
	return []ACL{{Perms: perms, ID: ID{Scheme: "world", ID: "anyone"}}}
}
