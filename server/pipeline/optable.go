package pipeline

import "github.com/zabra/zabra/wire"

// A Class says which part of the server serves an operation.
type Class uint8

// The classes of operations.
const (
	// ClassRefused: never valid from a client. Answered {xid, -1, -6}, and the
	// connection is closed.
	ClassRefused Class = iota
	// ClassRead: answered by the connection from the tree and its watches.
	ClassRead
	// ClassWrite: goes through the core loop. Each becomes one transaction, but
	// for sync, which waits for what was proposed before it.
	ClassWrite
	// ClassPing: answered by the connection with an empty reply.
	ClassPing
	// ClassAuth: changes the connection's identities. Replies bear zxid 0, and
	// an undecodable body closes the connection.
	ClassAuth
)

// An OpInfo is the row of an operation in the table that decoding, dispatch
// and the tests share.
type OpInfo struct {
	Op    wire.OpCode
	Class Class
	// LastOp is the name that the four-letter word cons prints as lop; "NA" for
	// operations that do not change it.
	LastOp string
	// ReadOnly tells that a server that has lost its quorum still serves it.
	// The others are answered with NotReadOnly there.
	ReadOnly bool
	// body returns a request with an empty record; nil if the operation has none.
	body func() (*Request, *wire.Decoder)
	// check looks at what a decoded record may hold; nil if it may hold anything.
	check func(wire.Record) wire.Code
}

// ops is indexed by opIndex. A row for every opcode of package wire.
var ops = [...]OpInfo{
	{Op: wire.OpNotification, Class: ClassRefused, LastOp: "NA"},
	{Op: wire.OpCreate, Class: ClassWrite, LastOp: "CREA", body: newBody[wire.CreateRequest]},
	{Op: wire.OpDelete, Class: ClassWrite, LastOp: "DELE", body: newBody[wire.PathVersionRequest]},
	{Op: wire.OpExists, Class: ClassRead, LastOp: "EXIS", ReadOnly: true, body: newBody[wire.PathWatchRequest], check: checkExists},
	{Op: wire.OpGetData, Class: ClassRead, LastOp: "GETD", ReadOnly: true, body: newBody[wire.PathWatchRequest], check: checkPathWatch},
	{Op: wire.OpSetData, Class: ClassWrite, LastOp: "SETD", body: newBody[wire.SetDataRequest]},
	{Op: wire.OpGetACL, Class: ClassRead, LastOp: "GETA", ReadOnly: true, body: newBody[wire.PathRequest], check: checkPath},
	{Op: wire.OpSetACL, Class: ClassWrite, LastOp: "SETA", body: newBody[wire.SetACLRequest]},
	{Op: wire.OpGetChildren, Class: ClassRead, LastOp: "GETC", ReadOnly: true, body: newBody[wire.PathWatchRequest], check: checkPathWatch},
	{Op: wire.OpSync, Class: ClassWrite, LastOp: "SYNC", body: newBody[wire.PathRequest]},
	{Op: wire.OpPing, Class: ClassPing, LastOp: "PING", ReadOnly: true},
	{Op: wire.OpGetChildren2, Class: ClassRead, LastOp: "GETC", ReadOnly: true, body: newBody[wire.PathWatchRequest], check: checkPathWatch},
	{Op: wire.OpCheck, Class: ClassRefused, LastOp: "CHEC"},
	{Op: wire.OpMulti, Class: ClassWrite, LastOp: "MULT"},
	{Op: wire.OpCreate2, Class: ClassWrite, LastOp: "CREA", body: newBody[wire.CreateRequest]},
	{Op: wire.OpReconfig, Class: ClassWrite, LastOp: "RECO", body: newBody[wire.ReconfigRequest]},
	{Op: wire.OpCheckWatches, Class: ClassRead, LastOp: "CHKW", ReadOnly: true, body: newBody[wire.WatchTypeRequest], check: checkWatchType},
	{Op: wire.OpRemoveWatches, Class: ClassRead, LastOp: "REMW", ReadOnly: true, body: newBody[wire.WatchTypeRequest], check: checkWatchType},
	{Op: wire.OpCreateContainer, Class: ClassWrite, LastOp: "CREA", body: newBody[wire.CreateRequest]},
	{Op: wire.OpDeleteContainer, Class: ClassRefused, LastOp: "DELE"},
	{Op: wire.OpCreateTTL, Class: ClassWrite, LastOp: "CREA", body: newBody[wire.CreateTTLRequest]},
	{Op: wire.OpMultiRead, Class: ClassRead, LastOp: "MLTR", ReadOnly: true},
	{Op: wire.OpAuth, Class: ClassAuth, LastOp: "NA", ReadOnly: true, body: newBody[wire.AuthRequest]},
	{Op: wire.OpSetWatches, Class: ClassRead, LastOp: "SETW", ReadOnly: true, body: newBody[wire.SetWatchesRequest], check: checkSetWatches},
	{Op: wire.OpSASL, Class: ClassAuth, LastOp: "NA", ReadOnly: true, body: newBody[wire.SASLRequest]},
	{Op: wire.OpGetEphemerals, Class: ClassRead, LastOp: "GETE", ReadOnly: true, body: newBody[wire.PathRequest]},
	{Op: wire.OpGetAllChildrenNumber, Class: ClassRead, LastOp: "GETACN", ReadOnly: true, body: newBody[wire.PathRequest], check: checkPath},
	{Op: wire.OpSetWatches2, Class: ClassRead, LastOp: "STW2", ReadOnly: true, body: newBody[wire.SetWatches2Request], check: checkSetWatches2},
	{Op: wire.OpAddWatch, Class: ClassRead, LastOp: "ADDW", ReadOnly: true, body: newBody[wire.AddWatchRequest], check: checkAddWatch},
	{Op: wire.OpWhoAmI, Class: ClassRead, LastOp: "HOMI", ReadOnly: true},
	{Op: wire.OpError, Class: ClassRefused, LastOp: "NA"},
	{Op: wire.OpCreateSession, Class: ClassRefused, LastOp: "SESS"},
	{Op: wire.OpCloseSession, Class: ClassWrite, LastOp: "CLOS", ReadOnly: true},
}

var unknownOp = OpInfo{Class: ClassRefused, LastOp: "NA"}

// opRow maps an opcode to its row in ops plus one; every client opcode fits.
var opRow = func() (rows [wire.OpWhoAmI + 1]uint8) {
	for i, info := range ops {
		if info.Op >= 0 {
			rows[info.Op] = uint8(i + 1)
		}
	}
	return rows
}()

// Info returns the row of an operation. An opcode that does not exist has
// class ClassRefused.
func Info(op wire.OpCode) *OpInfo {
	if op >= 0 && int(op) < len(opRow) && opRow[op] > 0 {
		return &ops[opRow[op]-1]
	}
	for i := len(ops) - 1; op < 0 && i >= 0 && ops[i].Op < 0; i-- {
		if ops[i].Op == op {
			return &ops[i]
		}
	}
	return &unknownOp
}

// newBody returns a request with an empty record of type T, and a decoder for
// it, as one allocation.
func newBody[T any, P interface {
	*T
	wire.Record
}]() (*Request, *wire.Decoder) {
	r := new(struct {
		Request
		body    T
		decoder wire.Decoder
	})
	r.Body = P(&r.body)
	return &r.Request, &r.decoder
}
