package datatree

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

const benchNodes = 200_000

// grown makes a tree of n nodes of 100 bytes below 1000 parents.
func grown(tb testing.TB, n int) *Tree {
	tb.Helper()
	tr := NewWith(Options{HashSeed: 1})
	data := bytes.Repeat([]byte("x"), 100)
	b := &wire.CreateTxn{Data: data, ACL: open, ParentCversion: -1}
	txn := wire.Txn{Body: b}
	run := func(path string) {
		txn.Header.Zxid++
		txn.Header.Time = int64(txn.Header.Zxid)
		b.Path = path
		if r := tr.Apply(&txn); r.Err != wire.OK {
			tb.Fatal(path, r.Err)
		}
	}
	for i := range 1000 {
		run(parentName(i))
	}
	for i := range n {
		run(benchPath(i))
	}
	return tr
}

func parentName(i int) string { return fmt.Sprintf("/p%03d", i) }

func benchPath(i int) string { return fmt.Sprintf("%s/node-%07d", parentName(i%1000), i) }

// TestBytesPerNode prints what a node of 100 bytes costs, with -v.
func TestBytesPerNode(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 200,000 nodes")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	tr := grown(t, benchNodes)
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := float64(after.HeapAlloc-before.HeapAlloc) / float64(tr.NodeCount())
	t.Logf("%.1f bytes a node of 100 bytes of data, %.4f heap objects a node",
		per, float64(after.HeapObjects-before.HeapObjects)/float64(tr.NodeCount()))
	if per > 220 {
		t.Errorf("a node takes %.0f bytes", per)
	}
	runtime.KeepAlive(tr)
}

// TestMemoryIsReused: replacing all nodes again and again takes no more room.
func TestMemoryIsReused(t *testing.T) {
	tr := grown(t, 5000)
	txn := wire.Txn{}
	apply := func(body wire.Record) {
		txn.Header.Zxid = tr.LastZxid() + 1
		txn.Body = body
		if r := tr.Apply(&txn); r.Err != wire.OK {
			t.Fatal(r.Err)
		}
	}
	size := func() [4]int {
		return [4]int{len(tr.arena.pages) - len(tr.arena.empty), int(tr.nodes.high), int(tr.exts.high), len(tr.arena.big)}
	}
	before := size()
	for round := range 4 {
		for i := range 5000 {
			apply(&wire.DeleteTxn{Path: benchPath(i)})
		}
		for i := range 5000 {
			apply(&wire.CreateTxn{Path: benchPath(i), ACL: open, Data: make([]byte, 100+300*(round%2)), ParentCversion: -1})
		}
	}
	for i := range 5000 {
		apply(&wire.SetDataTxn{Path: benchPath(i), Data: make([]byte, 100)})
	}
	after := size()
	if after[0] > before[0]*5/4 || after[1] != before[1] || after[3] != before[3] {
		t.Errorf("pages, slots, extensions, slices: %v, then %v", before, after)
	}
	checkInside(t, tr)
}

// TestReadsDoNotAllocate also covers a setData that keeps the size.
func TestReadsDoNotAllocate(t *testing.T) {
	tr := grown(t, 2000)
	paths := make([]string, 2000)
	for i := range paths {
		paths[i] = benchPath(i)
	}
	i := 0
	var buf []byte
	reads := testing.AllocsPerRun(1000, func() {
		n, ok := tr.Find(paths[i%len(paths)])
		if s := tr.Stat(n); !ok || int(s.DataLength) != len(tr.Data(n)) || tr.ACL(n) == nil {
			t.Fatal("wrong")
		}
		tr.Stored(n)
		p, _ := tr.Find("/p001")
		buf = tr.AppendChildren(buf[:0], p)
		i++
	})
	body := &wire.SetDataTxn{Data: make([]byte, 100)}
	txn := wire.Txn{Body: body}
	sets := testing.AllocsPerRun(1000, func() {
		body.Path = paths[i%len(paths)]
		body.Version++
		txn.Header.Zxid = tr.LastZxid() + 1
		tr.Apply(&txn)
		i++
	})
	if reads > 0 || sets > 1 {
		t.Errorf("%v allocations a read, %v a setData", reads, sets)
	}
}

func BenchmarkFind(b *testing.B) {
	tr := grown(b, benchNodes)
	paths := make([]string, benchNodes)
	for i := range paths {
		paths[i] = benchPath(i * 7919 % benchNodes)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok := tr.Find(paths[i%benchNodes]); !ok {
			b.Fatal("missing")
		}
	}
}

func BenchmarkGet(b *testing.B) {
	tr := grown(b, benchNodes)
	paths := make([]string, benchNodes)
	for i := range paths {
		paths[i] = benchPath(i * 7919 % benchNodes)
	}
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n, _ := tr.Find(paths[i%benchNodes])
		r := wire.GetDataResponse{Data: tr.Data(n), Stat: tr.Stat(n)}
		buf = r.AppendTo(buf[:0])
	}
}

func BenchmarkSet(b *testing.B) {
	tr := grown(b, benchNodes)
	paths := make([]string, benchNodes)
	for i := range paths {
		paths[i] = benchPath(i * 7919 % benchNodes)
	}
	body := &wire.SetDataTxn{Data: make([]byte, 100)}
	txn := wire.Txn{Body: body}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		body.Path = paths[i%benchNodes]
		txn.Header.Zxid = tr.LastZxid() + 1
		tr.Apply(&txn)
	}
}

// BenchmarkCreateDelete is one create and one delete.
func BenchmarkCreateDelete(b *testing.B) {
	tr := grown(b, benchNodes)
	create := wire.Txn{Body: &wire.CreateTxn{Path: "/p001/new", Data: make([]byte, 100), ACL: open, ParentCversion: -1}}
	del := wire.Txn{Body: &wire.DeleteTxn{Path: "/p001/new"}}
	b.ReportAllocs()
	for b.Loop() {
		create.Header.Zxid = tr.LastZxid() + 1
		tr.Apply(&create)
		del.Header.Zxid = tr.LastZxid() + 1
		tr.Apply(&del)
	}
}

func BenchmarkMulti(b *testing.B) {
	tr := grown(b, 1000)
	var m wire.MultiTxn
	for i := range 4 {
		body := wire.SetDataTxn{Path: benchPath(i), Data: make([]byte, 100)}
		m.Txns = append(m.Txns, wire.SubTxn{Op: wire.OpSetData, Data: body.AppendTo(nil)})
	}
	txn := wire.Txn{Header: wire.TxnHeader{Op: wire.OpMulti}, Body: &m}
	b.ReportAllocs()
	for b.Loop() {
		txn.Header.Zxid = tr.LastZxid() + 1
		tr.Apply(&txn)
	}
}

func BenchmarkListChildren(b *testing.B) {
	tr := grown(b, benchNodes)
	n, _ := tr.Find("/p007")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = tr.AppendChildren(buf[:0], n)
	}
}

// BenchmarkCreate grows a tree from nothing.
func BenchmarkCreate(b *testing.B) {
	tr := grown(b, 0)
	body := &wire.CreateTxn{Data: make([]byte, 100), ACL: open, ParentCversion: -1}
	txn := wire.Txn{Body: body}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		body.Path = benchPath(i)
		txn.Header.Zxid = tr.LastZxid() + 1
		tr.Apply(&txn)
	}
}

func checkpoint(tr *Tree) (recs []Record) {
	s := tr.Scan(true)
	defer s.Done()
	for step := s.Step(1 << 20); step != nil; step = s.Step(1 << 20) {
		for _, r := range step {
			recs = append(recs, Record{bytes.Clone(r.Key), bytes.Clone(r.Value)})
		}
	}
	return recs
}

func BenchmarkScan1M(b *testing.B) {
	tr := grown(b, 1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		s := tr.Scan(true)
		for step := s.Step(1 << 18); step != nil; step = s.Step(1 << 18) {
		}
		s.Done()
	}
}

func BenchmarkLoad1M(b *testing.B) {
	recs := checkpoint(grown(b, 1_000_000))
	slices.SortFunc(recs, func(a, b Record) int { return bytes.Compare(a.Key, b.Key) }) // as a store has them
	b.ReportAllocs()
	for b.Loop() {
		l := NewLoader(Options{HashSeed: 1})
		for _, r := range recs {
			if err := l.Add(r.Key, r.Value); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := l.Tree(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadSnapshot(b *testing.B) {
	var buf bytes.Buffer
	if err := WriteSnapshot(&buf, grown(b, benchNodes), File); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ReadSnapshot(bytes.NewReader(buf.Bytes()), 1, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteSnapshot(b *testing.B) {
	tr := grown(b, benchNodes)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteSnapshot(io.Discard, tr, File); err != nil {
			b.Fatal(err)
		}
	}
}
