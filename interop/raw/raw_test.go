package raw

import (
	"bytes"
	"testing"
)

// The bytes of ZooKeeper's own encoding, written out by hand.
func TestEncode(t *testing.T) {
	got := Create("/a", nil, Open, Ephemeral)
	want := []byte("\x00\x00\x00\x02/a" + "\xff\xff\xff\xff" + "\x00\x00\x00\x01\x00\x00\x00\x1f\x00\x00\x00\x05world\x00\x00\x00\x06anyone" + "\x00\x00\x00\x01")
	if !bytes.Equal(got, want) {
		t.Errorf("create: got % x, want % x", []byte(got), want)
	}
	got = Multi(SubOp{OpDelete, PathInt("/a", -1)})
	want = []byte("\x00\x00\x00\x02\x00\xff\xff\xff\xff" + "\x00\x00\x00\x02/a\xff\xff\xff\xff" + "\xff\xff\xff\xff\x01\xff\xff\xff\xff")
	if !bytes.Equal(got, want) {
		t.Errorf("multi: got % x, want % x", []byte(got), want)
	}
	for what, c := range map[string]struct{ got, want int }{
		"connect request":     {len(ConnectRequest{Password: make([]byte, PasswordLen)}.Encode()), 45},
		"old connect request": {len(ConnectRequest{Password: make([]byte, PasswordLen), NoReadOnly: true}.Encode()), 44},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d bytes, want %d", what, c.got, c.want)
		}
	}
}

func TestRender(t *testing.T) {
	stat := Body{}.Long(1).Long(2).Long(3).Long(4).Int(5).Int(6).Int(7).Long(0).Int(8).Int(9).Long(10)
	const statText = "{c=0x1 m=0x2 p=0xa ct=3 mt=4 v=5 cv=6 av=7 owner=0x0 len=8 kids=9}"
	end := Body{}.Int(-1).Bool(true).Int(-1)
	for _, c := range []struct {
		op   Op
		p    Packet
		want string
	}{
		{OpExists, Packet{Zxid: 5, Body: stat}, "err=0 zxid=0x5 " + statText},
		{OpExists, Packet{Zxid: 5, Body: stat[:60]}, "err=0 zxid=0x5 {c=0x1 m=0x2 p=0x0 ct=3 mt=4 v=5 cv=6 av=7 owner=0x0 len=8 kids=9} !short(long needs 8 bytes, 0 are left)"},
		{OpExists, Packet{Err: -101, Body: Body{1}}, "err=-101 zxid=0x0 !extra(01)"},
		{OpDelete, Packet{Body: Body{7}}, "err=0 zxid=0x0 !extra(07)"},
		{OpGetData, Packet{Body: append(Body{}.Null(), stat...)}, "err=0 zxid=0x0 null " + statText},
		{OpMulti, Packet{Body: append(Body{}.Int(-1).Bool(false).Int(-103).Int(-103), end...)}, "err=0 zxid=0x0 [(-1,-103) -103] end(-1,-1)"},
		{OpMulti, Packet{Body: Body{}.Int(2).Bool(false).Int(0)}, "err=0 zxid=0x0 [(2,0) | (0,0)] no-end !short(int needs 4 bytes, 0 are left)"},
		{OpGetChildren, Packet{Body: Body{}.Strs([]string{"b", "a b"})}, `err=0 zxid=0x0 [b "a b"]`},
	} {
		if got := (View{}).Reply(c.op, c.p); got != c.want {
			t.Errorf("%v: got  %s\nwant %s", c.op, got, c.want)
		}
	}
}

// Whatever a server sends is printed, not fatal.
func FuzzRender(f *testing.F) {
	for op := range opNames {
		f.Add(int32(op), []byte{0, 0, 0, 1, 0, 0, 0, 0, 0})
		f.Add(int32(op), []byte(Body{}.Int(0x7fffffff)))
	}
	f.Add(int32(OpMulti), []byte(Multi(SubOp{OpDelete, nil})))
	f.Fuzz(func(t *testing.T, op int32, body []byte) {
		if s := (View{}).Reply(Op(op), Packet{Body: body}); s == "" {
			t.Error("nothing printed")
		}
		if s := (View{}).Event(Packet{Body: body}); s == "" {
			t.Error("nothing printed")
		}
	})
}
