package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func record(r Record) []byte { return r.AppendTo(nil) }

// quorumVectors were captured on the quorum port of ZooKeeper servers.
var quorumVectors = []struct {
	name   string
	hex    string
	packet QuorumPacket
}{
	{"FOLLOWERINFO", "0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000 ffffffff",
		QuorumPacket{Type: PacketFollowerInfo, Data: record(&LearnerInfo{SID: 1, Protocol: ProtocolVersion})}},
	{"LEADERINFO", "00000011 0000000100000000 00000004 00010000 ffffffff",
		QuorumPacket{Type: PacketLeaderInfo, Zxid: MakeZxid(1, 0), Data: AppendPacketInt(nil, ProtocolVersion)}},
	{"ACKEPOCH", "00000012 0000000000000000 00000004 00000000 ffffffff",
		QuorumPacket{Type: PacketAckEpoch, Data: AppendPacketInt(nil, 0)}},
	{"DIFF", "0000000d 0000000000000000 ffffffff ffffffff", QuorumPacket{Type: PacketDiff}},
	{"ACK", "00000003 0000000100000000 ffffffff ffffffff", QuorumPacket{Type: PacketAck, Zxid: MakeZxid(1, 0)}},
	{"UPTODATE", "0000000c ffffffffffffffff ffffffff ffffffff", QuorumPacket{Type: PacketUpToDate, Zxid: NoZxid}},
}

func TestQuorumPacketVectors(t *testing.T) {
	for _, v := range quorumVectors {
		want := unhex(t, v.hex)
		if got := record(&v.packet); !bytes.Equal(got, want) {
			t.Errorf("%s is written\n%x, want\n%x", v.name, got, want)
		}
		if n, whole, err := PacketLen(append(want, 1, 2, 3), 100); n != len(want) || !whole || err != nil {
			t.Errorf("%s: length %d, %v, %v, want %d", v.name, n, whole, err, len(want))
		}
		var got QuorumPacket
		d := NewDecoder(want)
		if got.DecodeFrom(&d); d.Err() != nil || !reflect.DeepEqual(got, v.packet) {
			t.Errorf("%s reads as %+v, %v", v.name, got, d.Err())
		}
		if got.Type.String() != v.name {
			t.Errorf("%s prints as %v", v.name, got.Type)
		}
	}
}

func TestPacketLenAsksForWhatIsMissing(t *testing.T) {
	p := QuorumPacket{Type: PacketRequest, Zxid: NoZxid, Data: []byte("data"), Auth: []ID{{"ip", "127.0.0.1"}, {"digest", NullString}}}
	whole := record(&p)
	for i := range whole {
		n, all, err := PacketLen(whole[:i], 100)
		if err != nil || all || n <= i || n > len(whole) {
			t.Fatalf("%d of %d bytes: needs %d, %v, %v", i, len(whole), n, all, err)
		}
	}
	var got QuorumPacket
	d := NewDecoder(whole)
	if got.DecodeFrom(&d); d.Err() != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("%+v came back as %+v, %v", p, got, d.Err())
	}
}

func TestPacketLenRefusesBeforeReading(t *testing.T) {
	head := "00000002 0000000100000001 "
	for name, in := range map[string]string{
		"data above the limit": head + "00000065",
		"negative data":        head + "fffffffe",
		"many identities":      head + "ffffffff 00000401",
		"negative identities":  head + "ffffffff fffffffe",
		"identity too long":    head + "ffffffff 00000001 00000065",
		"identities too long":  head + "ffffffff 00000001 0000003c" + strings.Repeat("61", 60) + "0000003c" + strings.Repeat("61", 60),
	} {
		var size *PacketSizeError
		if _, _, err := PacketLen(unhex(t, in), 100); !errors.As(err, &size) || size.Type != PacketProposal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, whole, err := PacketLen(unhex(t, head+"00000064"), 100); err != nil || whole {
		t.Errorf("data at the limit: %v, %v", whole, err)
	}
}

func TestQuorumPayloads(t *testing.T) {
	for _, r := range []struct{ in, out Record }{
		{&LearnerInfo{SID: 3, Protocol: ProtocolVersion, ConfigVersion: 1 << 32}, &LearnerInfo{}},
		{&Revalidated{Session: -5, Valid: true}, &Revalidated{}},
		{&ForwardedRequest{Session: 7, Cxid: 9, Op: OpCloseSession, Body: []byte{}}, &ForwardedRequest{}},
		{&ForwardedRequest{Session: 7, Cxid: 9, Op: OpCreate, Body: []byte("record")}, &ForwardedRequest{}},
		{&Activation{Leader: 2, Raw: []byte("txn")}, &Activation{}},
	} {
		b := record(r.in)
		d := NewDecoder(b)
		if r.out.DecodeFrom(&d); d.Err() != nil || !reflect.DeepEqual(r.in, r.out) {
			t.Errorf("%+v came back as %+v, %v", r.in, r.out, d.Err())
		}
		short := NewDecoder(b[:7])
		if r.out.DecodeFrom(&short); !errors.Is(short.Err(), ErrTruncated) {
			t.Errorf("%T of 7 bytes: %v", r.out, short.Err())
		}
	}
}

func TestLearnerInfoOfServersWithoutConfigVersion(t *testing.T) {
	d := NewDecoder(unhex(t, "0000000000000003 00010000"))
	var got LearnerInfo
	if got.DecodeFrom(&d); d.Err() != nil || got != (LearnerInfo{SID: 3, Protocol: ProtocolVersion}) {
		t.Errorf("%+v, %v", got, d.Err())
	}
}

func TestTouches(t *testing.T) {
	if b := AppendTouches(nil, nil); b == nil || len(b) != 0 {
		t.Errorf("no touches are %#v, must be empty and not null", b)
	}
	v := []Touch{{1, 4000}, {-1, 30000}}
	if got, err := DecodeTouches(AppendTouches(nil, v)); err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("%v came back as %v, %v", v, got, err)
	}
	for _, bad := range [][]byte{nil, make([]byte, 11), make([]byte, 13)} {
		if _, err := DecodeTouches(bad); !errors.Is(err, ErrTruncated) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	r := Revalidation{Session: 5, Timeout: 6}
	if got, err := DecodeRevalidation(AppendRevalidation(nil, r)); err != nil || got != r {
		t.Errorf("%v came back as %v, %v", r, got, err)
	}
	if _, err := DecodeRevalidation(make([]byte, 11)); !errors.Is(err, ErrTruncated) {
		t.Errorf("short revalidation: %v", err)
	}
	if _, err := DecodePacketInt(nil); !errors.Is(err, ErrTruncated) {
		t.Errorf("null int: %v", err)
	}
}

func TestEveryPacketTypeHasItsName(t *testing.T) {
	consts := constants(t, "quorum.go", "PacketType")
	if len(consts) != len(packetNames)-1 {
		t.Errorf("%d types, %d names", len(consts), len(packetNames)-1)
	}
	seen := map[string]bool{}
	for i := 1; i < len(packetNames); i++ {
		seen[strings.ToLower("Packet"+packetNames[i])] = true
	}
	for _, c := range consts {
		if !seen[strings.ToLower(c)] {
			t.Errorf("%s has no name", c)
		}
	}
	for _, odd := range []PacketType{0, -1, 20} {
		if !strings.HasPrefix(odd.String(), "packet(") {
			t.Errorf("type %d prints as %v", int32(odd), odd)
		}
	}
}

// FuzzQuorumPacket checks that the cutter and the decoder agree on every input,
// that what is decoded is written as it was, and that no payload can panic.
func FuzzQuorumPacket(f *testing.F) {
	for _, v := range quorumVectors {
		f.Add(unhex(f, v.hex))
	}
	f.Add(record(&QuorumPacket{Type: PacketRequest, Zxid: NoZxid, Auth: []ID{{"ip", "::1"}},
		Data: record(&ForwardedRequest{Session: 1, Cxid: 2, Op: OpSync, Body: []byte("x")})}))
	f.Add(record(&QuorumPacket{Type: PacketPing, Data: AppendTouches(nil, []Touch{{1, 2}})}))
	f.Add(record(&QuorumPacket{Type: PacketInformAndActivate, Data: record(&Activation{Leader: 1, Raw: []byte("txn")})}))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 4096
		n, whole, err := PacketLen(b, limit)
		if err != nil {
			return
		}
		if !whole {
			if n <= len(b) || n > len(b)+limit+4 {
				t.Fatalf("%d bytes need %d", len(b), n)
			}
			return
		}
		var p QuorumPacket
		d := NewDecoder(b[:n])
		if p.DecodeFrom(&d); d.Err() != nil || len(d.Rest()) != 0 {
			t.Fatalf("a packet of %d bytes: %v, %d left", n, d.Err(), len(d.Rest()))
		}
		if again := record(&p); len(p.Auth) == 0 && !bytes.Equal(again, b[:n]) {
			t.Fatalf("%x is written as %x", b[:n], again)
		}
		decodePayloads(p.Data)
	})
}

func decodePayloads(data []byte) {
	for _, r := range []Record{new(LearnerInfo), new(Revalidated), new(ForwardedRequest), new(Activation)} {
		d := NewDecoder(data)
		r.DecodeFrom(&d)
	}
	_, _ = DecodeTouches(data)
	_, _ = DecodeRevalidation(data)
	_, _ = DecodePacketInt(data)
}
