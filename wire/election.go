package wire

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Election protocol versions: the first long of an InitialMessage.
const (
	// ElectionProtocol is what every server since 3.5 speaks.
	ElectionProtocol int64 = -65536
	// ElectionProtocolMulti is for several addresses. 3.5 does not know it, so it
	// may be sent only where all servers have multiAddress.enabled.
	ElectionProtocolMulti int64 = -65535
)

// Bounds of the election port, in bytes.
const (
	// MaxInitialAddress bounds the addresses of an InitialMessage.
	MaxInitialAddress = 2048
	// MaxNotification bounds a notification, without its length.
	MaxNotification = 512 << 10
)

// Server ids of the election port that are nobody's.
const (
	// NoSID stands in votes of those who do not vote.
	NoSID SID = math.MinInt64
	// AnonymousSID is what an observer without an id calls itself.
	AnonymousSID SID = math.MaxInt64
)

// ErrElectionProtocol is returned for an InitialMessage of an unknown version.
var ErrElectionProtocol = errors.New("wire: initial message has an unknown protocol version")

// An InitialMessage is what the dialler of an election port says first, once and
// without a frame: long protocol · long sid · int length · address. A protocol
// that is not negative is a sid, of a 3.4 server, and nothing follows it.
//
// ZooKeeper reads the address with a single read call: the message must leave in
// one write.
type InitialMessage struct {
	SID SID
	// Addresses are where the dialler listens for election, each host:port, an
	// IPv6 address in brackets. None from a 3.4 server. Nothing was checked but
	// the length of them all.
	Addresses []string
	// Multi is set for ElectionProtocolMulti.
	Multi bool
}

// AppendTo appends the message. It fails if the addresses together are empty or
// longer than MaxInitialAddress.
func (m *InitialMessage) AppendTo(b []byte) ([]byte, error) {
	address := strings.Join(m.Addresses, "|")
	if len(address) == 0 || len(address) > MaxInitialAddress {
		return b, fmt.Errorf("wire: initial message: the election addresses have %d bytes, want 1 to %d", len(address), MaxInitialAddress)
	}
	protocol := ElectionProtocol
	if m.Multi {
		protocol = ElectionProtocolMulti
	}
	b = AppendLong(AppendLong(b, protocol), int64(m.SID))
	return AppendBuffer(b, []byte(address)), nil
}

// DecodeInitialMessage reads the message that b begins with, and n, the number of
// its bytes. If b ends too soon the error is ErrTruncated and n is the least
// number of bytes to come back with; n never exceeds 20 + MaxInitialAddress. The
// message does not alias b.
func DecodeInitialMessage(b []byte) (m InitialMessage, n int, err error) {
	const head = 20
	d := NewDecoder(b)
	protocol := d.Long()
	switch {
	case d.Err() != nil:
		return m, 8, ErrTruncated
	case protocol >= 0:
		return InitialMessage{SID: SID(protocol)}, 8, nil
	case protocol != ElectionProtocol && protocol != ElectionProtocolMulti:
		return m, 0, ErrElectionProtocol
	case len(b) < head:
		return m, head, ErrTruncated
	}
	sid, length := SID(d.Long()), d.Int()
	if length <= 0 || length > MaxInitialAddress {
		return m, 0, ErrBadLength
	}
	n = head + int(length)
	if len(b) < n {
		return m, n, ErrTruncated
	}
	address := string(b[head:n])
	return InitialMessage{SID: sid, Addresses: strings.Split(address, "|"), Multi: protocol == ElectionProtocolMulti}, n, nil
}

// A ServerState is what a server is doing, as its notifications tell.
type ServerState int32

// The states.
const (
	Looking   ServerState = 0 // for a leader
	Following ServerState = 1
	Leading   ServerState = 2
	Observing ServerState = 3
)

var stateNames = [...]string{"LOOKING", "FOLLOWING", "LEADING", "OBSERVING"}

// Valid reports whether it is one of the four.
func (s ServerState) Valid() bool { return s >= Looking && s <= Observing }

// String prints the state as ZooKeeper's logs do.
func (s ServerState) String() string {
	if s.Valid() {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", int32(s))
}

// NotificationVersion is what a Notification with a configuration bears.
const NotificationVersion = 2

// A Notification is a vote on its way, in either direction of an election
// connection: int length, then int state · long leader · long zxid · long round ·
// long peerEpoch · int version · int configLength · config.
//
// Older servers end earlier: before peerEpoch (28 bytes, before 3.4), before
// version (36, 3.4.0 to 3.4.5) or before configLength (40, 3.4.6 to 3.4.14).
type Notification struct {
	State  ServerState
	Leader SID   // whom the sender votes for, NoSID from one that does not vote
	Zxid   Zxid  // of that candidate's log, -1 from one whose data is lost
	Round  int64 // electionEpoch
	// PeerEpoch is the candidate's currentEpoch. The field is a long and holds
	// math.MinInt64 from one that does not vote.
	PeerEpoch int64
	Version   int32 // 0 if the sender told none or is older than 3.5
	// Config is the text of the sender's committed configuration, nil if it sent
	// none.
	Config []byte
}

// AppendTo appends the notification, without its length, in the form of version
// 2 whatever Version says.
func (n *Notification) AppendTo(b []byte) []byte {
	b = slices.Grow(b, 44+len(n.Config))
	b = AppendInt(b, int32(n.State))
	b = AppendLong(b, int64(n.Leader))
	b = AppendLong(b, int64(n.Zxid))
	b = AppendLong(b, n.Round)
	b = AppendLong(b, n.PeerEpoch)
	b = AppendInt(b, NotificationVersion)
	b = AppendInt(b, int32(len(n.Config)))
	return append(b, n.Config...)
}

// AppendFrame appends the notification with its length before it.
func (n *Notification) AppendFrame(b []byte) []byte {
	b, mark := BeginFrame(b)
	return EndFrame(n.AppendTo(b), mark)
}

// DecodeNotification reads a notification of any version, without its length; b
// is all of it. Bytes after the last field are ignored, and the state may be one
// that nobody knows. Config aliases b.
//
// As in ZooKeeper, the version of a notification of 40 bytes is not read and is
// 0. One of 36 bytes is read too, which ZooKeeper since 3.5 drops.
func DecodeNotification(b []byte) (Notification, error) {
	d := NewDecoder(b)
	n := Notification{
		State:  ServerState(d.Int()),
		Leader: SID(d.Long()),
		Zxid:   Zxid(d.Long()),
		Round:  d.Long(),
	}
	if len(b) == 28 {
		n.PeerEpoch = int64(n.Zxid.Epoch())
		return n, nil
	}
	n.PeerEpoch = d.Long()
	if len(b) != 36 && len(b) != 40 {
		n.Version = d.Int()
	}
	if n.Version >= NotificationVersion {
		n.decodeConfig(&d)
	}
	if d.Err() != nil {
		return Notification{}, fmt.Errorf("wire: notification of %d bytes: %w", len(b), d.Err())
	}
	return n, nil
}

// decodeConfig reads the configuration. Its length is no jute length: -1 is not
// null but an error, as every length beyond the message.
func (n *Notification) decodeConfig(d *Decoder) {
	length := d.Int()
	if d.Err() == nil && (length < 0 || int(length) > len(d.Rest())) {
		d.Fail(ErrBadLength)
		return
	}
	n.Config = d.take(int(length))
}
