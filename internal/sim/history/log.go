package history

import (
	"time"

	"github.com/zabra/zabra/wire"
)

// A Log is what one client saw.
type Log struct {
	Client int
	Items  []Item // in the order in which they happened to the client
	Ops    []*Op  // in the order in which they were asked for
}

// An Item is one thing that happened to a client. Exactly one of its fields is set.
type Item struct {
	Answer *Op
	Event  *Event
	// Resumed: the session goes on over a new connection, and its watches have
	// been set again as of the last zxid seen. What was missed comes before the
	// answer to that.
	Resumed bool
	// Opened: a new session, without watches.
	Opened wire.SessionID
}

// An Event is what a watch was told.
type Event struct {
	Type wire.EventType
	Path string
}

// An Op is one request.
type Op struct {
	Client  int
	Session wire.SessionID
	Xid     wire.Xid
	Op      wire.OpCode
	Path    string
	Data    []byte
	Version int32
	Mode    wire.CreateMode
	Multi   []wire.MultiOp
	Watch   bool
	Secret  bool              // of create: nobody else may read the node
	AddMode wire.AddWatchMode // of addWatch
	Deed    string            // what it does, for whoever counts

	Call     time.Duration
	Return   time.Duration
	Answered bool
	Err      wire.Code
	Zxid     wire.Zxid // of the answer
	Stat     wire.Stat
	Value    []byte   // of getData
	Names    []string // of getChildren
	Created  string   // of create
}

// IsWrite reports whether the request becomes a transaction.
func (o *Op) IsWrite() bool {
	switch o.Op {
	case wire.OpCreate, wire.OpCreateContainer, wire.OpCreateTTL, wire.OpDelete, wire.OpSetData, wire.OpMulti, wire.OpCloseSession:
		return true
	}
	return false
}

// A Problem is something that a client must not see.
type Problem struct {
	Check string // its name in the package comment
	Text  string
}
