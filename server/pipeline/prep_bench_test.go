package pipeline

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/wire"
)

// lag is how many transactions are under way in the benchmarks, as between two
// fsyncs of a busy server.
const benchLag = 64

// benchPrepare prepares requests with transactions under way. The tree stays as
// it is: Applied only releases, so what is measured is preparation.
func benchPrepare(b *testing.B, requests func(r *rig) []*Request) {
	r := newRig(b, PrepareOptions{})
	r.mk("/bench")
	reqs := requests(r)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		if _, err := r.p.Prepare(reqs[i%len(reqs)], r.now); err != nil {
			b.Fatal(err)
		}
		if i%benchLag == 0 {
			r.p.Applied(r.p.LastZxid() - benchLag)
		}
	}
}

func (r *rig) benchRequest(op wire.OpCode, body wire.Record) *Request {
	req, code := r.request(op, body)
	if code != wire.OK {
		r.t.Fatal(code)
	}
	return req
}

func BenchmarkPrepareSetData(b *testing.B) {
	benchPrepare(b, func(r *rig) (reqs []*Request) {
		for i := range 1000 {
			path := fmt.Sprintf("/bench/node-%06d", i)
			r.mk(path)
			reqs = append(reqs, r.benchRequest(wire.OpSetData, &wire.SetDataRequest{Path: path, Data: make([]byte, 100), Version: -1}))
		}
		return reqs
	})
}

func BenchmarkPrepareCreate(b *testing.B) {
	benchPrepare(b, func(r *rig) (reqs []*Request) {
		for i := range 100_000 {
			body := &wire.CreateRequest{Path: fmt.Sprintf("/bench/node-%06d", i), Data: make([]byte, 100), ACL: open}
			reqs = append(reqs, r.benchRequest(wire.OpCreate, body))
		}
		return reqs
	})
}

func BenchmarkPrepareCreateSequential(b *testing.B) {
	benchPrepare(b, func(r *rig) []*Request {
		body := &wire.CreateRequest{Path: "/bench/node-", Data: make([]byte, 100), ACL: open, Flags: int32(wire.ModeEphemeralSequential)}
		return []*Request{r.benchRequest(wire.OpCreate, body)}
	})
}

func BenchmarkPrepareMulti(b *testing.B) {
	benchPrepare(b, func(r *rig) []*Request {
		var ops []wire.MultiOp
		for i := range 4 {
			path := fmt.Sprintf("/bench/node-%06d", i)
			r.mk(path)
			ops = append(ops, mop(wire.OpSetData, &wire.SetDataRequest{Path: path, Data: make([]byte, 100), Version: -1}))
		}
		req, code := r.decoded(wire.OpMulti, wire.AppendMulti(nil, ops))
		if code != wire.OK {
			b.Fatal(code)
		}
		return []*Request{req}
	})
}

func BenchmarkDecodeSetData(b *testing.B) {
	body := (&wire.SetDataRequest{Path: "/bench/node-000001", Data: make([]byte, 100), Version: -1}).AppendTo(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, code := DecodeRequest(wire.OpSetData, body); code != wire.OK {
			b.Fatal(code)
		}
	}
}

// The budget of the hot writes: the transaction's bytes, its record, and for a
// create the list of its ACL.
func TestPrepareAllocations(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/bench", "/bench/a")
	set := r.benchRequest(wire.OpSetData, &wire.SetDataRequest{Path: "/bench/a", Data: make([]byte, 100), Version: -1})
	create := r.benchRequest(wire.OpCreate, createBody("/bench/b", wire.ModePersistent))
	run := func(req *Request) float64 {
		return testing.AllocsPerRun(200, func() {
			if txn, err := r.p.Prepare(req, 1); err != nil || codeOf(txn) != wire.OK {
				t.Fatal(err, codeOf(txn))
			}
			r.p.Applied(r.p.LastZxid())
		})
	}
	if n := run(set); n > 2 {
		t.Errorf("setData: %v allocations, want 2", n)
	}
	if n := run(create); n > 3 {
		t.Errorf("create: %v allocations, want 3", n)
	}
}
