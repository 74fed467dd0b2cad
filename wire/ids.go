package wire

import "fmt"

// A Zxid orders every transaction: the leader's epoch in the high 32 bits, a
// counter in the low 32. It is signed because ZooKeeper's is: -1 stands on the
// wire where there is no transaction to name.
type Zxid int64

// NoZxid is sent where no transaction is meant.
const NoZxid Zxid = -1

// MaxCounter is the last counter of an epoch. A server whose next transaction
// would need it starts a new epoch instead.
const MaxCounter = 0xffffffff

// MakeZxid joins an epoch and a counter.
func MakeZxid(e Epoch, counter uint32) Zxid { return Zxid(int64(e)<<32 | int64(counter)) }

// Epoch is the epoch of the leader that proposed the transaction.
func (z Zxid) Epoch() Epoch { return Epoch(int64(z) >> 32) }

// Counter is the position of the transaction within its epoch; the first has 1.
func (z Zxid) Counter() uint32 { return uint32(z) }

// Next returns the zxid that follows z in the same epoch. It returns false when
// the counter is spent and a new epoch is due.
func (z Zxid) Next() (Zxid, bool) {
	if z.Counter() >= MaxCounter-1 {
		return z, false
	}
	return z + 1, true
}

// Follows reports whether z may directly follow prev in one history: the next
// counter of the same epoch, or counter 1 of a later one.
func (z Zxid) Follows(prev Zxid) bool {
	if z.Epoch() == prev.Epoch() {
		return z == prev+1
	}
	return z.Epoch() > prev.Epoch() && z.Counter() == 1
}

// String prints the zxid as ZooKeeper does: 0x500000003.
func (z Zxid) String() string { return fmt.Sprintf("0x%x", uint64(z)) }

// An Epoch numbers a leader's reign.
type Epoch int32

// A SID is a server's id in the ensemble, its myid: 1 to 255.
type SID int64

// A SessionID names a client session; its top byte is the id of the server that
// made it. 0 is no session.
type SessionID int64

// String prints the id as ZooKeeper does: 0x100001289bc0000.
func (s SessionID) String() string { return fmt.Sprintf("0x%x", uint64(s)) }

// An Xid is a client's number for a request; the reply carries it back.
type Xid int32

// Xids with a meaning of their own.
const (
	XidNotification Xid = -1 // server to client: a watch event
	XidPing         Xid = -2 // the reply to a ping bears it whatever the request bore
	XidAuth         Xid = -4 // an auth packet of the Java, C and kazoo clients
	XidSetWatches   Xid = -8 // a setWatches packet of the C client
)
