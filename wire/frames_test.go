package wire

import (
	"encoding/hex"
	"testing"
)

func TestReplyFrame(t *testing.T) {
	prefix := []byte{0xaa}
	b := AppendReply(prefix, ReplyHeader{Xid: 1, Zxid: 2, Err: NoNode}, nil)
	const want = "aa" + "00000010" + "00000001" + "0000000000000002" + "ffffff9b"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b = AppendReply(nil, ReplyHeader{Xid: 1, Zxid: 2}, &PathResponse{Path: "/a"})
	const withBody = "00000016" + "00000001" + "0000000000000002" + "00000000" + "00000002" + "2f61"
	if got := hex.EncodeToString(b); got != withBody {
		t.Errorf("got %s, want %s", got, withBody)
	}
}

func TestEventFrame(t *testing.T) {
	b := AppendEvent(nil, EventNodeDeleted, MakeZxid(1, 2), "/a")
	const want = "0000001e" + "ffffffff" + "0000000100000002" + "00000000" + "00000002" + "00000003" + "00000002" + "2f61"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAppendEventDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() { buf = AppendEvent(buf[:0], EventNodeCreated, 1, "/a/b") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendEvent(buf[:0], EventNodeCreated, 1, "/services/orders/instance-0001")
	}
}
