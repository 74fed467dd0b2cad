package pipeline

import (
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/zabra/zabra/wire"
)

const large = 1_000_000

func blob(n int) []byte { return make([]byte, n) }

func bigCreate(path string) wire.Record {
	return &wire.CreateRequest{Path: path, Data: blob(large), ACL: wire.WorldAnyone(wire.PermAll)}
}

func bigSet(path string) wire.Record {
	return &wire.SetDataRequest{Path: path, Data: blob(large), Version: -1}
}

// unread is what waits for the client's socket.
func (p *peer) unread() int {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return len(p.c.mu.out)
}

func (p *peer) dead() bool {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.c.mu.dead
}

// handle hands over as many requests as are taken in, and returns how many.
func (p *peer) handle(calls ...call) int {
	p.rig.t.Helper()
	for i, c := range calls {
		n, _, err := p.c.Handle(encode(c), p.rig.core.Now())
		if err != nil {
			p.rig.t.Fatal(err)
		}
		if n == 0 {
			return i
		}
	}
	return len(calls)
}

func times(n int, c call) []call { return slices.Repeat([]call{c}, n) }

// Reads of large nodes that wait for a write cost nothing yet, but what they
// will cost is counted.
func TestReadsWaitingForAWriteAreBoundedByTheirAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		p.send(call{1, wire.OpCreate, bigCreate("/big")})
		p.take()
		r.log.hold = make(chan struct{})
		p.send(call{2, wire.OpSetData, set("/", "x")})
		n := p.handle(times(4096, call{3, wire.OpGetData, get("/big", false)})...)
		if n < 2 || n > 10 {
			t.Errorf("%d reads of a megabyte each were taken in to wait", n)
		}
		p.sock.block = make(chan struct{})
		close(r.log.hold)
		synctest.Wait()
		if got := p.unread(); got > 10*large {
			t.Errorf("%d bytes wait for a client that reads nothing", got)
		}
		close(p.sock.block)
		if got := p.take(); len(got) != 1+n {
			t.Errorf("%d of %d answered", len(got), 1+n)
		}
	})
}

// The node may grow by a write that the reads wait for.
func TestReadsBehindTheWriteThatMakesTheNodeLarge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		p.send(call{1, wire.OpCreate, create("/big")})
		p.take()
		calls := []call{{2, wire.OpSetData, bigSet("/big")}}
		calls = append(calls, times(30, call{3, wire.OpGetData, get("/big", false)})...)
		calls = append(calls, call{4, wire.OpSetData, set("/big", "y")}, call{5, wire.OpGetData, get("/big", false)})
		p.send(calls...)
		got := p.take()
		if len(got) != len(calls) || p.dead() {
			t.Fatalf("%d of %d answered, dropped %v", len(got), len(calls), p.dead())
		}
		for _, f := range got[1:31] {
			if len(f.body) < large {
				t.Fatalf("a read sees %d bytes", len(f.body))
			}
		}
	})
}

// Where the guess was wrong by far, the client goes and not the server's memory.
func TestReadsThatSomebodyElseMadeLarge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p, other := r.connect(10_000), r.connect(10_000)
		p.send(call{1, wire.OpCreate, create("/big")})
		p.take()
		r.log.hold = make(chan struct{})
		other.send(call{1, wire.OpSetData, bigSet("/big")})
		p.send(call{2, wire.OpSetData, set("/", "x")})
		p.handle(times(4000, call{3, wire.OpGetData, get("/big", false)})...)
		p.handle(call{4, wire.OpSetData, set("/", "y")})
		p.sock.block = make(chan struct{})
		close(r.log.hold)
		synctest.Wait()
		if !p.dead() || p.unread() > 0 {
			t.Errorf("dropped %v, %d bytes wait", p.dead(), p.unread())
		}
		close(p.sock.block)
		other.send(call{2, wire.OpGetData, get("/", false)})
		if got := other.take(); len(got) != 2 {
			t.Errorf("the other client: %d answers", len(got))
		}
		if n := r.core.Outstanding(); n != 0 {
			t.Errorf("%d outstanding", n)
		}
	})
}

// Writes count with their bytes.
func TestWritesUnderWayAreBoundedInBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		if n := p.handle(times(100, call{1, wire.OpSetData, bigSet("/")})...); n < 2 || n > 5 {
			t.Errorf("%d writes of a megabyte each were taken in", n)
		}
		close(r.log.hold)
		p.take()
		if p.c.mu.queued != 0 || p.c.mu.heaviest != 0 {
			t.Errorf("an empty queue weighs %d, its heaviest %d", p.c.mu.queued, p.c.mu.heaviest)
		}
	})
}

// A long answer that waits to be written is no reason to drop a client for the
// event that comes behind it.
func TestEventBehindALongAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{MaxOutbox: large / 2})
		defer r.close()
		p, other := r.connect(10_000), r.connect(10_000)
		other.send(call{1, wire.OpCreate, bigCreate("/big")})
		other.take()
		p.handle(call{1, wire.OpGetData, get("/big", true)}) // and not flushed yet
		other.send(call{2, wire.OpSetData, set("/big", "x")})
		synctest.Wait()
		if got := xids(p.take()); !slices.Equal(got, []wire.Xid{1, wire.XidNotification}) || p.dead() {
			t.Errorf("got %v, dropped %v", got, p.dead())
		}
	})
}

type multiRead []wire.MultiOp

func (m multiRead) AppendTo(b []byte) []byte { return wire.AppendMulti(b, m) }
func (m multiRead) DecodeFrom(*wire.Decoder) {}

// One multiRead could ask for the same node ten thousand times.
func TestMultiReadIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{MaxOutbox: 4 * large})
		defer r.close()
		p := r.connect(10_000)
		p.send(call{1, wire.OpCreate, bigCreate("/big")})
		p.take()
		ask := func(n int) frameSeen {
			ops := slices.Repeat(multiRead{{Op: wire.OpGetData, Body: &wire.PathWatchRequest{Path: "/big"}}}, n)
			p.send(call{2, wire.OpMultiRead, ops})
			return p.take()[0]
		}
		if got := ask(4); got.h.Err != wire.OK || len(got.body) < 4*large {
			t.Errorf("four: %v, %d bytes", got.h.Err, len(got.body))
		}
		if got := ask(10_000); got.h.Err != wire.MarshallingError || len(got.body) != 0 {
			t.Errorf("ten thousand: %v, %d bytes", got.h.Err, len(got.body))
		}
		if got := ask(1); got.h.Err != wire.OK {
			t.Errorf("afterwards: %v", got.h.Err)
		}
	})
}

// Reads that take long and answer little do not keep the tree for themselves.
func TestLongReadsLetOthersIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		one := encode(call{1, wire.OpGetAllChildrenNumber, &wire.PathRequest{Path: "/"}})
		for n, rest := 2, slices.Repeat(one, 3); n >= 0; n-- {
			used, next, err := p.c.HandleSome(rest, 0, &Batch{})
			rest = rest[used:]
			if err != nil || next != NeedTurn || len(rest) != n*len(one) {
				t.Fatalf("%d bytes left of %d requests, %v, %v", len(rest), n, next, err)
			}
		}
	})
}

// A reply that was ready long before its turn bears the zxid of its turn: a
// client's zxids never go back.
func TestZxidsOfRepliesDoNotGoBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		b := encode(call{1, wire.OpCreate, create("/a")}, call{2, wire.OpCreate, nil}, call{3, wire.OpGetData, nil})
		if _, _, err := p.c.Handle(b, 0); err != nil {
			t.Fatal(err)
		}
		close(r.log.hold)
		got := p.take()
		if !slices.Equal(xids(got), []wire.Xid{1, 2, 3}) {
			t.Fatalf("answered %v", xids(got))
		}
		for _, f := range got[1:] {
			if f.h.Zxid != got[0].h.Zxid || f.h.Err != wire.MarshallingError {
				t.Errorf("%+v behind %+v", f.h, got[0].h)
			}
		}
	})
}

// A read is judged by the identities the connection had when it came.
func TestReadBeforeAuthDoesNotHaveItsIdentity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		auth := call{-4, wire.OpAuth, &wire.AuthRequest{Scheme: "digest", Auth: []byte("me:secret")}}
		p.send(auth, call{1, wire.OpCreate, &wire.CreateRequest{
			Path: "/mine", Data: []byte("x"), ACL: []wire.ACL{{Perms: wire.PermAll, ID: wire.ID{Scheme: "auth"}}}}})
		if got := p.take(); got[1].h.Err != wire.OK {
			t.Fatal(got[1].h.Err)
		}
		q := r.connect(10_000)
		r.log.hold = make(chan struct{})
		q.send(
			call{1, wire.OpSetData, set("/", "x")},
			call{2, wire.OpGetData, get("/mine", false)},
			call{3, wire.OpWhoAmI, nil},
			auth,
			call{4, wire.OpGetData, get("/mine", false)},
			call{5, wire.OpWhoAmI, nil},
		)
		close(r.log.hold)
		got := q.take()
		if want := []wire.Xid{1, 2, 3, -4, 4, 5}; !slices.Equal(xids(got), want) {
			t.Fatalf("answered %v, want %v", xids(got), want)
		}
		if got[1].h.Err != wire.NoAuth || got[4].h.Err != wire.OK {
			t.Errorf("before auth: %v, after: %v", got[1].h.Err, got[4].h.Err)
		}
		if before, after := binary.BigEndian.Uint32(got[2].body), binary.BigEndian.Uint32(got[5].body); before != 1 || after != 2 {
			t.Errorf("whoAmI: %d identities before, %d after", before, after)
		}
	})
}
