package wire

import "fmt"

// A PacketType says what a quorum packet is.
type PacketType int32

// The packet types of the quorum port: who sends it, what its zxid is, what its
// data is. "leader" is whoever is dialled; a zxid of epoch<<32 is MakeZxid(epoch, 0).
const (
	PacketRequest           PacketType = 1  // learner: -1; ForwardedRequest; Auth holds the client's identities
	PacketProposal          PacketType = 2  // leader: the transaction's; Txn.Raw
	PacketAck               PacketType = 3  // learner: the transaction's, or epoch<<32 for NEWLEADER and UPTODATE; null
	PacketCommit            PacketType = 4  // leader, to a follower: the transaction's; null
	PacketPing              PacketType = 5  // leader: last proposed; null. Learner: the same zxid; Touches, never null
	PacketRevalidate        PacketType = 6  // learner: -1; Revalidation. Leader: -1; Revalidated
	PacketSync              PacketType = 7  // leader: 0; null; answers the oldest sync request of that learner
	PacketInform            PacketType = 8  // leader, to an observer: the transaction's; Txn.Raw
	PacketCommitAndActivate PacketType = 9  // leader, to a follower: the transaction's; Activation without a transaction
	PacketNewLeader         PacketType = 10 // leader: epoch<<32; text of the configuration proposed last
	PacketFollowerInfo      PacketType = 11 // learner that votes: acceptedEpoch<<32; LearnerInfo
	PacketUpToDate          PacketType = 12 // leader: -1; null
	PacketDiff              PacketType = 13 // leader: of no importance; null
	PacketTrunc             PacketType = 14 // leader: last zxid to keep; null
	PacketSnap              PacketType = 15 // leader: of the snapshot; null. The snapshot's stream follows the packet
	PacketObserverInfo      PacketType = 16 // learner that does not vote: as FOLLOWERINFO
	PacketLeaderInfo        PacketType = 17 // leader: epoch<<32; int ProtocolVersion
	PacketAckEpoch          PacketType = 18 // learner: last zxid logged; int currentEpoch, or -1 for "do not count me"
	PacketInformAndActivate PacketType = 19 // leader, to an observer: the transaction's; Activation
)

var packetNames = [...]string{
	PacketRequest: "REQUEST", PacketProposal: "PROPOSAL", PacketAck: "ACK", PacketCommit: "COMMIT",
	PacketPing: "PING", PacketRevalidate: "REVALIDATE", PacketSync: "SYNC", PacketInform: "INFORM",
	PacketCommitAndActivate: "COMMITANDACTIVATE", PacketNewLeader: "NEWLEADER",
	PacketFollowerInfo: "FOLLOWERINFO", PacketUpToDate: "UPTODATE", PacketDiff: "DIFF",
	PacketTrunc: "TRUNC", PacketSnap: "SNAP", PacketObserverInfo: "OBSERVERINFO",
	PacketLeaderInfo: "LEADERINFO", PacketAckEpoch: "ACKEPOCH", PacketInformAndActivate: "INFORMANDACTIVATE",
}

// String is the type's name in ZooKeeper's documentation.
func (t PacketType) String() string {
	if t > 0 && int(t) < len(packetNames) {
		return packetNames[t]
	}
	return fmt.Sprintf("packet(%d)", int32(t))
}

// ProtocolVersion is the version of the protocol on the quorum port, the only
// one since ZooKeeper 3.4.
const ProtocolVersion int32 = 0x10000

// SnapSignature ends the stream that follows a SNAP packet, as a jute string.
const SnapSignature = "BenWasHere"

// A QuorumPacket is what leader and learner send each other:
//
//	int type · long zxid · buffer data · vector<ID> auth
//
// Packets follow each other without frames; PacketLen cuts them.
type QuorumPacket struct {
	Type PacketType
	Zxid Zxid
	Data []byte // nil is null, which is not empty
	Auth []ID   // only in REQUEST; nil is null
}

// AppendTo appends the packet's encoding.
func (p *QuorumPacket) AppendTo(b []byte) []byte {
	b = AppendLong(AppendInt(b, int32(p.Type)), int64(p.Zxid))
	b = AppendBuffer(b, p.Data)
	if p.Auth == nil {
		return AppendInt(b, -1)
	}
	b = AppendInt(b, int32(len(p.Auth)))
	for i := range p.Auth {
		b = p.Auth[i].AppendTo(b)
	}
	return b
}

// DecodeFrom reads the packet. Data and Auth alias the input.
func (p *QuorumPacket) DecodeFrom(d *Decoder) {
	p.Type, p.Zxid = PacketType(d.Int()), Zxid(d.Long())
	p.Data = d.Buffer()
	n := d.Count(minIDSize)
	p.Auth = nil
	if n < 0 {
		return
	}
	p.Auth = make([]ID, n)
	for i := range p.Auth {
		p.Auth[i].DecodeFrom(d)
	}
}

const minIDSize = 8 // two empty strings

// A PacketSizeError refuses a packet before it has been read.
type PacketSizeError struct {
	Type  PacketType
	Size  int64 // bytes of its data and identities, as far as known; negative for a bad length
	Limit int
}

func (e *PacketSizeError) Error() string {
	return fmt.Sprintf("wire: %v packet of %d bytes, limit %d", e.Type, e.Size, e.Limit)
}

// maxAuth bounds the identities of one packet.
const maxAuth = 1024

// PacketLen returns the length of the packet that b begins with. If b does not
// hold all of it, whole is false and the length is how much of b is needed to
// know more: always more than len(b), and never more than limit and the fixed
// fields allow. So a reader may make room for n bytes, read, and ask again.
//
// limit bounds the data, and the identities together, in bytes. A larger or
// negative length is a *PacketSizeError.
func PacketLen(b []byte, limit int) (n int, whole bool, err error) {
	c := packetCut{b: b, limit: limit}
	typ := PacketType(c.int()) // for the error
	c.skip(8)
	c.blob(typ)
	authAt := c.n
	for count := c.count(typ); count > 0 && c.ok(); count-- {
		c.blob(typ)
		c.blob(typ)
		if c.n-authAt > limit {
			c.fail(typ, int64(c.n-authAt))
		}
	}
	return c.n, c.n <= len(b), c.err
}

// A packetCut walks over a packet that may not be there completely: n is the
// position, and beyond the end of b as soon as something is missing.
type packetCut struct {
	b     []byte
	n     int
	limit int
	err   error
}

func (c *packetCut) ok() bool { return c.err == nil && c.n <= len(c.b) }

func (c *packetCut) skip(n int) {
	if c.ok() {
		c.n += n
	}
}

func (c *packetCut) int() int32 {
	at := c.n
	c.skip(4)
	if !c.ok() {
		return -1
	}
	d := Decoder{b: c.b[at:]}
	return d.Int()
}

func (c *packetCut) blob(typ PacketType) {
	n := c.int()
	if n < -1 || int64(n) > int64(c.limit) {
		c.fail(typ, int64(n))
		return
	}
	c.skip(max(0, int(n)))
}

func (c *packetCut) count(typ PacketType) int {
	n := c.int()
	if n < -1 || n > maxAuth {
		c.fail(typ, int64(n))
	}
	return int(n)
}

func (c *packetCut) fail(typ PacketType, size int64) {
	if c.err == nil {
		c.err = &PacketSizeError{typ, size, c.limit}
	}
}
