package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The vectors were captured from ZooKeeper servers.
const (
	vectorInitial = "ffffffffffff0000 0000000000000002 0000000f 3132372e302e302e313a3331383332"
	vectorVote    = "00000000 0000000000000002 0000000000000000 0000000000000001 0000000000000000 00000002 000000b2"
	vectorNoVote  = "00000000 8000000000000000 8000000000000000 0000000000000001 8000000000000000 00000002 000000b2"
)

func TestInitialMessageVector(t *testing.T) {
	b := fromHex(t, vectorInitial)
	m, n, err := DecodeInitialMessage(append(b, "next"...))
	want := InitialMessage{SID: 2, Addresses: []string{"127.0.0.1:31832"}}
	if err != nil || n != len(b) || !reflect.DeepEqual(m, want) {
		t.Fatalf("got %+v, %d, %v", m, n, err)
	}
	if out, err := m.AppendTo(nil); err != nil || !bytes.Equal(out, b) {
		t.Errorf("got %x %v", out, err)
	}
}

// A reader that asks for as many bytes as it is told to gets the message, and
// never reads beyond it.
func TestInitialMessageInPieces(t *testing.T) {
	for _, whole := range [][]byte{
		fromHex(t, vectorInitial),
		fromHex(t, "0000000000000003"),
		fromHex(t, "ffffffffffff0001 7fffffffffffffff 00000007 613a317c623a32"),
	} {
		need := 0
		for {
			m, n, err := DecodeInitialMessage(whole[:need])
			if err == nil {
				if n != len(whole) || need != n {
					t.Errorf("%x: took %d of %d: %+v", whole, n, need, m)
				}
				break
			}
			if !errors.Is(err, ErrTruncated) || n <= need || n > len(whole) {
				t.Fatalf("%x: at %d: %d %v", whole, need, n, err)
			}
			need = n
		}
	}
}

func TestInitialMessageForms(t *testing.T) {
	m, _, err := DecodeInitialMessage(fromHex(t, "ffffffffffff0001 7fffffffffffffff 00000007 613a317c623a32"))
	if want := (InitialMessage{SID: AnonymousSID, Addresses: []string{"a:1", "b:2"}, Multi: true}); err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v %v", m, err)
	}
	m, _, err = DecodeInitialMessage(fromHex(t, "0000000000000003"))
	if want := (InitialMessage{SID: 3}); err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v %v", m, err)
	}
	if m, n, err := DecodeInitialMessage(make([]byte, 8)); err != nil || n != 8 || m.SID != 0 || m.Addresses != nil {
		t.Errorf("server 0: got %+v, %d, %v", m, n, err)
	}
	if _, err := m.AppendTo(nil); err == nil {
		t.Error("a message without address was written")
	}
	m.Addresses = []string{strings.Repeat("x", MaxInitialAddress+1)}
	if _, err := m.AppendTo(nil); err == nil {
		t.Error("an address that nobody reads was written")
	}
}

func TestBadInitialMessages(t *testing.T) {
	for in, want := range map[string]error{
		"fffffffffffeffff":                                 ErrElectionProtocol, // -65537
		"ffffffffffff0002":                                 ErrElectionProtocol,
		"ffffffffffffffff":                                 ErrElectionProtocol,
		"ffffffffffff0000 0000000000000002 00000000":       ErrBadLength,
		"ffffffffffff0000 0000000000000002 ffffffff":       ErrBadLength,
		"ffffffffffff0000 0000000000000002 00000801":       ErrBadLength,
		"ffffffffffff0000 0000000000000002 00000001":       ErrTruncated,
		"ffffffffffff0000 0000000000000002 7fffffff 41":    ErrBadLength,
		"ffffffffffff0000 0000000000000002 00000800 41424": ErrTruncated,
		"": ErrTruncated,
	} {
		in = strings.ReplaceAll(in, " ", "")
		if _, _, err := DecodeInitialMessage(fromHex(t, in[:len(in)&^1])); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", in, err, want)
		}
	}
}

func TestNotificationVectors(t *testing.T) {
	config := strings.Repeat("c", 0xb2)
	for head, want := range map[string]Notification{
		vectorVote: {State: Looking, Leader: 2, Round: 1, Version: 2, Config: []byte(config)},
		vectorNoVote: {State: Looking, Leader: NoSID, Zxid: math.MinInt64, Round: 1, PeerEpoch: math.MinInt64,
			Version: 2, Config: []byte(config)},
	} {
		b := append(fromHex(t, head), config...)
		n, err := DecodeNotification(b)
		if err != nil || !reflect.DeepEqual(n, want) {
			t.Errorf("got %+v %v", n, err)
		}
		if out := n.AppendFrame(nil); !bytes.Equal(out, append(fromHex(t, "000000de"), b...)) {
			t.Errorf("got %x", out)
		}
	}
}

const voteOf5 = "00000001 0000000000000005 0000000700000009 0000000000000004 "

func TestNotificationVersions(t *testing.T) {
	old := Notification{State: Following, Leader: 5, Zxid: 0x700000009, Round: 4, PeerEpoch: 7}
	with := func(version int32, config []byte) Notification {
		n := old
		n.PeerEpoch, n.Version, n.Config = 8, version, config
		return n
	}
	for name, tt := range map[string]struct {
		in   string
		want Notification
	}{
		"before 3.4":           {voteOf5, old},
		"3.4.0":                {voteOf5 + "0000000000000008", with(0, nil)},
		"3.4.6":                {voteOf5 + "0000000000000008 00000001", with(0, nil)},
		"version 1, longer":    {voteOf5 + "0000000000000008 00000001 7fffffff", with(1, nil)},
		"version 2, no config": {voteOf5 + "0000000000000008 00000002 00000000", with(2, []byte{})},
		"version 2":            {voteOf5 + "0000000000000008 00000002 00000002 6162", with(2, []byte("ab"))},
		"trailing bytes":       {voteOf5 + "0000000000000008 00000002 00000002 61626364", with(2, []byte("ab"))},
		"version 9":            {voteOf5 + "0000000000000008 00000009 00000002 61626364", with(9, []byte("ab"))},
	} {
		if n, err := DecodeNotification(fromHex(t, tt.in)); err != nil || !reflect.DeepEqual(n, tt.want) {
			t.Errorf("%s: got %+v %v, want %+v", name, n, err, tt.want)
		}
	}
}

func TestBadNotifications(t *testing.T) {
	whole := fromHex(t, voteOf5+"0000000000000008 00000002 00000002 6162")
	for n := range whole {
		_, err := DecodeNotification(whole[:n])
		if ok := n == 28 || n == 36 || n == 40; ok != (err == nil) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for _, length := range []string{"ffffffff", "80000000", "00000003", "7fffffff"} {
		n, err := DecodeNotification(fromHex(t, voteOf5+"0000000000000008 00000002 "+length+" 6162"))
		if !errors.Is(err, ErrBadLength) || n.Config != nil {
			t.Errorf("length %s: got %+v %v", length, n, err)
		}
	}
}

func TestServerStates(t *testing.T) {
	for s, want := range map[ServerState]string{Looking: "LOOKING", Following: "FOLLOWING", Leading: "LEADING", Observing: "OBSERVING",
		4: "state(4)", -1: "state(-1)"} {
		if s.String() != want || s.Valid() == strings.Contains(want, "(") {
			t.Errorf("%d: got %s %v", s, s, s.Valid())
		}
	}
}

func FuzzInitialMessage(f *testing.F) {
	f.Add(fromHex(f, vectorInitial))
	f.Add(fromHex(f, "0000000000000003"))
	f.Add(fromHex(f, "ffffffffffff0001 0000000000000002 00000007 613a317c623a32"))
	f.Add(fromHex(f, "ffffffffffff0001 0000000000000002 00000001 ff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, n, err := DecodeInitialMessage(b)
		if err != nil {
			if errors.Is(err, ErrTruncated) && (n <= len(b) || n > 20+MaxInitialAddress) {
				t.Fatalf("%x: %d bytes are missing", b, n)
			}
			return
		}
		if m.Addresses == nil {
			if n != 8 || m.SID < 0 {
				t.Fatalf("%x: %+v", b, m)
			}
			return
		}
		if out, err := m.AppendTo(nil); err != nil || !bytes.Equal(out, b[:n]) {
			t.Fatalf("%x became %x %v", b[:n], out, err)
		}
	})
}

func FuzzNotification(f *testing.F) {
	f.Add(append(fromHex(f, vectorVote), strings.Repeat("c", 0xb2)...))
	f.Add(fromHex(f, voteOf5))
	f.Add(fromHex(f, voteOf5+"0000000000000008"))
	f.Add(fromHex(f, voteOf5+"0000000000000008 00000001"))
	f.Add(fromHex(f, voteOf5+"0000000000000008 00000003 00000002 61626364"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := DecodeNotification(b)
		if err != nil {
			return
		}
		again, err := DecodeNotification(n.AppendTo(nil))
		n.Version = NotificationVersion
		if err != nil || again.Config == nil || !bytes.Equal(again.Config, n.Config) {
			t.Fatalf("%x: %v", b, err)
		}
		n.Config, again.Config = nil, nil
		if !reflect.DeepEqual(n, again) {
			t.Fatalf("%x: %+v became %+v", b, n, again)
		}
	})
}
