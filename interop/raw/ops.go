package raw

// Op is a request type.
type Op int32

// The request types of ZooKeeper 3.9.
const (
	OpNotification         Op = 0
	OpCreate               Op = 1
	OpDelete               Op = 2
	OpExists               Op = 3
	OpGetData              Op = 4
	OpSetData              Op = 5
	OpGetACL               Op = 6
	OpSetACL               Op = 7
	OpGetChildren          Op = 8
	OpSync                 Op = 9
	OpPing                 Op = 11
	OpGetChildren2         Op = 12
	OpCheck                Op = 13
	OpMulti                Op = 14
	OpCreate2              Op = 15
	OpReconfig             Op = 16
	OpCheckWatches         Op = 17
	OpRemoveWatches        Op = 18
	OpCreateContainer      Op = 19
	OpDeleteContainer      Op = 20
	OpCreateTTL            Op = 21
	OpMultiRead            Op = 22
	OpAuth                 Op = 100
	OpSetWatches           Op = 101
	OpSASL                 Op = 102
	OpGetEphemerals        Op = 103
	OpGetAllChildrenNumber Op = 104
	OpSetWatches2          Op = 105
	OpAddWatch             Op = 106
	OpWhoAmI               Op = 107
	OpCreateSession        Op = -10
	OpCloseSession         Op = -11
	OpError                Op = -1
)

var opNames = map[Op]string{
	OpNotification: "notification", OpCreate: "create", OpDelete: "delete", OpExists: "exists",
	OpGetData: "getData", OpSetData: "setData", OpGetACL: "getACL", OpSetACL: "setACL",
	OpGetChildren: "getChildren", OpSync: "sync", OpPing: "ping", OpGetChildren2: "getChildren2",
	OpCheck: "check", OpMulti: "multi", OpCreate2: "create2", OpReconfig: "reconfig",
	OpCheckWatches: "checkWatches", OpRemoveWatches: "removeWatches", OpCreateContainer: "createContainer",
	OpDeleteContainer: "deleteContainer", OpCreateTTL: "createTTL", OpMultiRead: "multiRead",
	OpAuth: "auth", OpSetWatches: "setWatches", OpSASL: "sasl", OpGetEphemerals: "getEphemerals",
	OpGetAllChildrenNumber: "getAllChildrenNumber", OpSetWatches2: "setWatches2", OpAddWatch: "addWatch",
	OpWhoAmI: "whoAmI", OpCreateSession: "createSession", OpCloseSession: "closeSession", OpError: "error",
}

// Create flags.
const (
	Persistent              = 0
	Ephemeral               = 1
	PersistentSequential    = 2
	EphemeralSequential     = 3
	Container               = 4
	PersistentTTL           = 5
	PersistentSequentialTTL = 6
)

// An ACL is one entry of a node's access list.
type ACL struct {
	Perms      int32
	Scheme, ID string
}

// Open lets everybody do everything.
var Open = []ACL{{31, "world", "anyone"}}

// Create is the body of create, create2 and createContainer.
func Create(path string, data []byte, acl []ACL, flags int32) Body {
	return Body{}.Str(path).Bytes(data).ACLs(acl).Int(flags)
}

// CreateTTL is the body of createTTL; ttl is in milliseconds.
func CreateTTL(path string, data []byte, acl []ACL, flags int32, ttl int64) Body {
	return Create(path, data, acl, flags).Long(ttl)
}

// Path is the body of the requests that are one path: getACL, sync, getEphemerals,
// getAllChildrenNumber, deleteContainer.
func Path(path string) Body { return Body{}.Str(path) }

// Read is the body of exists, getData, getChildren and getChildren2.
func Read(path string, watch bool) Body { return Path(path).Bool(watch) }

// PathInt is the body of delete, check (version), addWatch (mode) and
// check/removeWatches (watcher type).
func PathInt(path string, n int32) Body { return Path(path).Int(n) }

// SetData is the body of setData.
func SetData(path string, data []byte, version int32) Body {
	return Path(path).Bytes(data).Int(version)
}

// SetACL is the body of setACL.
func SetACL(path string, acl []ACL, version int32) Body { return Path(path).ACLs(acl).Int(version) }

// Auth is the body of auth.
func Auth(scheme string, data []byte) Body { return Body{}.Int(0).Str(scheme).Bytes(data) }

// SetWatches is the body of setWatches, and of setWatches2 with further lists.
func SetWatches(relativeZxid int64, lists ...[]string) Body {
	b := Body{}.Long(relativeZxid)
	for _, l := range lists {
		b = b.Strs(l)
	}
	return b
}

// A SubOp is one operation of a multi.
type SubOp struct {
	Op   Op
	Body Body
}

// Multi is the body of multi and multiRead.
func Multi(ops ...SubOp) Body {
	var b Body
	for _, o := range ops {
		b = append(b.Int(int32(o.Op)).Bool(false).Int(-1), o.Body...)
	}
	return b.Int(-1).Bool(true).Int(-1)
}
