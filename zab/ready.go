package zab

import (
	"iter"

	"github.com/zabra/zabra/wire"
)

// A Conn names a connection to a learner. The driver numbers them, from 1, and
// uses no number twice for one Leader. A Learner has one connection, number 0.
type Conn uint64

// A Txn is a transaction on its way: its zxid, and its encoding as the leader
// made it (wire.Txn.Raw), which nobody changes.
type Txn struct {
	Zxid wire.Zxid
	Raw  []byte
}

// A Range is the transactions of the log with After < zxid <= To; none if the
// two are equal.
type Range struct{ After, To wire.Zxid }

// Empty reports that the range holds nothing.
func (r Range) Empty() bool { return r.To <= r.After }

// A Ready is what a machine wants done. The driver takes one at a time, in order.
//
//   - Send goes out as soon as the driver likes, in this order on each
//     connection. It depends on no disk.
//   - Writes are made durable in this order, after those of every earlier Ready.
//     Several batches may be made durable with one sync as long as a crash cannot
//     keep a later write and lose an earlier one.
//   - When they are durable, and those of every earlier Ready are, Then goes out
//     and the machine is told: Persisted(ID). A Ready without Writes waits for
//     the earlier ones too. On one connection Then goes after Send of the same
//     Ready.
//   - Replay, then Deliver, is applied to the tree, in order, after the snapshots
//     that Send asks for have been begun. Both are committed by a quorum, and
//     durable here.
//
// The slices belong to the driver.
type Ready struct {
	ID      uint64 // 1, 2, 3 ...
	Send    []Message
	Writes  []Write
	Then    []Vouch
	Replay  Range
	Deliver []Txn
}

// The types of packets that promise nothing about a disk.
type free wire.PacketType

const (
	request           = free(wire.PacketRequest)
	proposal          = free(wire.PacketProposal)
	commit            = free(wire.PacketCommit)
	ping              = free(wire.PacketPing)
	revalidate        = free(wire.PacketRevalidate)
	syncReply         = free(wire.PacketSync)
	inform            = free(wire.PacketInform)
	commitAndActivate = free(wire.PacketCommitAndActivate)
	informAndActivate = free(wire.PacketInformAndActivate)
	newLeader         = free(wire.PacketNewLeader)
	followerInfo      = free(wire.PacketFollowerInfo)
	observerInfo      = free(wire.PacketObserverInfo)
	upToDate          = free(wire.PacketUpToDate)
)

// The types of packets with which a server vouches for what its disk holds. They
// are of a type of their own so that they fit into a Vouch and not into a
// Message: none can be sent before the writes it stands behind.
type vouching wire.PacketType

const (
	ack        = vouching(wire.PacketAck)
	leaderInfo = vouching(wire.PacketLeaderInfo)
	ackEpoch   = vouching(wire.PacketAckEpoch)
)

// A Message is something to send at once: a packet or, if Stream is set, what
// Stream describes.
type Message struct {
	To     Conn
	Stream *Stream
	kind   free
	zxid   wire.Zxid
	data   []byte
	auth   *[]wire.ID // only in REQUEST
}

// Packet is the packet to send. It shares memory with the machine and with the
// same packet to others: nobody changes it.
func (m *Message) Packet() wire.QuorumPacket {
	pkt := wire.QuorumPacket{Type: wire.PacketType(m.kind), Zxid: m.zxid, Data: m.data}
	if m.auth != nil {
		pkt.Auth = *m.auth
	}
	return pkt
}

// A Stream is history for a learner that a machine does not hold in memory: the
// driver makes the packets from the tree and from the log (or what it remembers of
// it). If it cannot, because the log was purged meanwhile, it closes the
// connection, and the learner comes back.
type Stream struct {
	// First is the packet to begin with: DIFF, TRUNC or SNAP; 0 for none.
	First wire.PacketType
	// Zxid is that of the first packet. For a SNAP it is NoZxid: the driver puts
	// that of the tree, which it fixes (datatree.Tree.Snapshot) before it applies
	// anything of the same Ready, so that it is never above Range.To.
	Zxid wire.Zxid
	// Range follows. For a SNAP its After is NoZxid and stands for the zxid of
	// the snapshot.
	Range Range
	// Inform says to send each transaction as one INFORM, instead of as a
	// PROPOSAL followed by its COMMIT.
	Inform bool
}

// A Vouch is packets that say what this server has on disk.
type Vouch struct {
	To    Conn
	kind  vouching
	zxid  wire.Zxid
	count int   // of ACK: how many, ending with zxid
	value int32 // of LEADERINFO and ACKEPOCH
}

// Packets yields the packets, in the order to send them: a single one, or an ACK for
// each transaction of a batch.
func (v *Vouch) Packets() iter.Seq[wire.QuorumPacket] {
	return func(yield func(wire.QuorumPacket) bool) {
		if v.kind != ack {
			yield(wire.QuorumPacket{Type: wire.PacketType(v.kind), Zxid: v.zxid, Data: wire.AppendPacketInt(nil, v.value)})
			return
		}
		for z := v.zxid - wire.Zxid(v.count) + 1; z <= v.zxid; z++ {
			if !yield(wire.QuorumPacket{Type: wire.PacketAck, Zxid: z}) {
				return
			}
		}
	}
}

// A WriteOp says what a Write changes.
type WriteOp uint8

// The kinds of writes.
const (
	WriteAcceptedEpoch WriteOp = iota + 1 // Epoch
	WriteCurrentEpoch                     // Epoch
	WriteTruncate                         // the log loses everything above Zxid
	WriteSnapshot                         // the snapshot received becomes the state, at Zxid, and the log starts again there: both or neither; see Vault of package pipeline for one that takes back some of the log
	WriteTxns                             // Txns are appended to the log
)

// A Write is one change of what a server keeps on disk.
type Write struct {
	Op    WriteOp
	Epoch wire.Epoch
	Zxid  wire.Zxid
	Txns  []Txn
}

// output is what both machines collect for the next Ready.
type output struct {
	Ready
	last     uint64 // ID handed out last
	deferred []Write
	pending  []promise
	room     room
}

// room is how much the last Ready held of what comes in numbers: the next one is
// likely to be of that size.
type room struct{ send, txns, deliver, requests int }

// maxRoom bounds the room that is made before it is needed.
const maxRoom = 4096

// A promise is what becomes true when the writes of a Ready are durable.
type promise struct {
	id       uint64
	accepted bool
	current  bool
	zxid     wire.Zxid // end of the log; 0 if it was not written
}

func (o *output) empty() bool {
	return len(o.Send) == 0 && len(o.Writes) == 0 && len(o.Then) == 0 && len(o.deferred) == 0 &&
		o.Replay.Empty() && len(o.Deliver) == 0
}

// take hands out what was collected.
func (o *output) take() Ready {
	o.last++
	r := o.Ready
	r.ID = o.last
	o.Ready = Ready{Writes: o.deferred}
	o.deferred = nil
	// A Ready with a little of something says nothing about the ones with much.
	o.room.send = max(o.room.send/2, min(len(r.Send), maxRoom))
	o.room.deliver = max(o.room.deliver/2, min(len(r.Deliver), maxRoom))
	return r
}

func (o *output) send(m Message) {
	if o.Send == nil {
		o.Send = make([]Message, 0, max(1, o.room.send))
	}
	o.Send = append(o.Send, m)
}

func (o *output) deliver(t Txn) {
	if o.Deliver == nil {
		o.Deliver = make([]Txn, 0, max(1, o.room.deliver))
	}
	o.Deliver = append(o.Deliver, t)
}

// append writes one transaction to the log.
func (o *output) append(t Txn) {
	n := len(o.Writes)
	if n == 0 || o.Writes[n-1].Op != WriteTxns {
		o.Writes = append(o.Writes, Write{Op: WriteTxns, Txns: make([]Txn, 0, max(1, o.room.txns))})
		n++
	}
	w := &o.Writes[n-1]
	w.Txns = append(w.Txns, t)
	o.room.txns = min(len(w.Txns), maxRoom)
	o.promise().zxid = t.Zxid
}

func (o *output) write(w Write) {
	o.Writes = append(o.Writes, w)
	p := o.promise()
	switch w.Op {
	case WriteAcceptedEpoch:
		p.accepted = true
	case WriteCurrentEpoch:
		p.current = true
	case WriteTruncate, WriteSnapshot:
		p.zxid = w.Zxid
	case WriteTxns:
		p.zxid = w.Txns[len(w.Txns)-1].Zxid
	}
}

// promise is that of the Ready being collected.
func (o *output) promise() *promise {
	id := o.last + 1
	if n := len(o.pending); n == 0 || o.pending[n-1].id != id {
		o.pending = append(o.pending, promise{id: id})
	}
	return &o.pending[len(o.pending)-1]
}

// kept returns what is now durable, all promises up to id in one.
func (o *output) kept(id uint64) (p promise, any bool) {
	for len(o.pending) > 0 && o.pending[0].id <= id {
		q := o.pending[0]
		o.pending = o.pending[1:]
		p.accepted = p.accepted || q.accepted
		p.current = p.current || q.current
		p.zxid = max(p.zxid, q.zxid)
		any = true
	}
	return p, any
}

// vouchFor adds an ACK of a transaction, one entry for a whole run of them.
func (o *output) vouchFor(z wire.Zxid) {
	if n := len(o.Then); n > 0 && o.Then[n-1].kind == ack && o.Then[n-1].zxid+1 == z && o.Then[n-1].zxid.Counter() > 0 {
		o.Then[n-1].zxid, o.Then[n-1].count = z, o.Then[n-1].count+1
		return
	}
	o.Then = append(o.Then, Vouch{kind: ack, zxid: z, count: 1})
}
