package datatree

import (
	"bytes"
	"encoding/hex"
	"errors"
	"hash/adler32"
	"io"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// recountAll gives the quotas what a load gives them.
func (w *twin) recountAll() {
	for p := range w.nodes {
		if dir, ok := strings.CutSuffix(p, "/"+limitsNode); ok && dir != quotaPath && w.nodes[dir+"/"+statsNode] != nil {
			w.recount(dir[len(quotaPath):])
		}
	}
}

// TestSnapshotRoundTrip writes both forms while the tree changes.
func TestSnapshotRoundTrip(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 3))
		tr, w := NewWith(genOptions), newTwin()
		g := newGen(seed+100, tr)
		run := func(n int) {
			for range n {
				txn := g.next()
				w.apply(&txn)
				tr.Apply(&txn)
			}
		}
		run(600)
		then := w.clone()
		then.recountAll()
		file, stream := tr.Snapshot(File), tr.Snapshot(Stream)
		var fileBytes, streamBytes []byte
		for a, b := []byte{0}, []byte{0}; a != nil || b != nil; run(r.IntN(20)) {
			a, b = file.Step(r.IntN(1000)), stream.Step(r.IntN(3000))
			fileBytes, streamBytes = append(fileBytes, a...), append(streamBytes, b...)
		}
		got, info, err := ReadSnapshot(bytes.NewReader(fileBytes), wire.NoZxid, genOptions)
		if err != nil {
			t.Fatal(err)
		}
		then.compare(t, got)
		checkInside(t, got)
		if info.Zxid != then.zxid || info.DigestZxid != then.zxid || info.Digest != then.digest() {
			t.Fatalf("info %+v", info)
		}
		rest := bytes.NewReader(append(streamBytes, "next packet"...))
		if got, err = ReadStream(rest, then.zxid, genOptions); err != nil {
			t.Fatal(err)
		}
		then.compare(t, got)
		if rest.Len() != len("next packet") {
			t.Fatalf("%d bytes left behind the stream", rest.Len())
		}
		if len(tr.marks.active) != 0 {
			t.Fatal("a snapshot is still active")
		}
	}
}

// TestSnapshotLayout builds a file by hand, from the reference.
func TestSnapshotLayout(t *testing.T) {
	tr := New()
	acl := []wire.ACL{{Perms: 5, ID: wire.ID{Scheme: "ip", ID: "1.2.3.4"}}}
	apply(t, tr, wire.TxnHeader{Session: 0x77, Zxid: 1, Op: wire.OpCreateSession}, &wire.CreateSessionTxn{Timeout: 4000})
	apply(t, tr, wire.TxnHeader{Session: 0x77, Zxid: 2, Time: 9, Op: wire.OpCreate},
		&wire.CreateTxn{Path: "/e", ACL: acl, Ephemeral: true, ParentCversion: 1})
	var got bytes.Buffer
	if err := WriteSnapshot(&got, tr, File); err != nil {
		t.Fatal(err)
	}
	stat := func(s wire.StatPersisted) []byte { return s.AppendTo(nil) }
	node := func(b []byte, path string, data []byte, acl int64, s wire.StatPersisted) []byte {
		b = wire.AppendBuffer(wire.AppendString(b, path), data)
		return append(wire.AppendLong(b, acl), stat(s)...)
	}
	b, _ := hex.DecodeString("5a4b534e00000002ffffffffffffffff" + "00000001" + "0000000000000077" + "00000fa0")
	b = wire.AppendLong(wire.AppendInt(b, 2), 1)
	config := wire.WorldAnyone(wire.PermRead)
	b = config[0].AppendTo(wire.AppendInt(b, 1))
	b = acl[0].AppendTo(wire.AppendInt(wire.AppendLong(b, 2), 1))
	b = node(b, "", []byte{}, -1, wire.StatPersisted{Cversion: 1, Pzxid: 2})
	b = node(b, "/zookeeper", []byte{}, -1, wire.StatPersisted{})
	b = node(b, "/zookeeper/quota", []byte{}, -1, wire.StatPersisted{})
	b = node(b, "/zookeeper/config", []byte{}, 1, wire.StatPersisted{Aversion: -1})
	b = node(b, "/e", nil, 2, wire.StatPersisted{Czxid: 2, Mzxid: 2, Pzxid: 2, Ctime: 9, Mtime: 9, EphemeralOwner: 0x77})
	b = wire.AppendString(b, "/")
	seal := func() { b = wire.AppendString(wire.AppendLong(b, int64(adler32.Checksum(b))), "/") }
	seal()
	b = wire.AppendLong(wire.AppendInt(wire.AppendLong(b, 2), 2), int64(tr.Digest()))
	seal()
	b = wire.AppendLong(b, 2)
	seal()
	if !bytes.Equal(got.Bytes(), b) {
		t.Errorf("got\n%x\nwant\n%x", got.Bytes(), b)
	}
	for cut, ok := range map[int]bool{0: true, 21: true, 54: true, 1: false, 22: false, 53: false} {
		_, _, err := ReadSnapshot(bytes.NewReader(b[:len(b)-cut]), 2, Options{})
		if (err == nil) != ok {
			t.Errorf("without the last %d bytes: %v", cut, err)
		}
	}
	if _, _, err := ReadSnapshot(bytes.NewReader(b[:len(b)-54]), wire.NoZxid, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a file that does not tell its zxid: %v", err)
	}
}

// TestSnapshotDamage: no flipped byte and no cut goes unnoticed.
func TestSnapshotDamage(t *testing.T) {
	var good bytes.Buffer
	tr := New()
	g := newGen(1, tr)
	for range 60 {
		txn := g.next()
		tr.Apply(&txn)
	}
	if err := WriteSnapshot(&good, tr, File); err != nil {
		t.Fatal(err)
	}
	step := max(good.Len()/700, 1)
	for i := 0; i < good.Len(); i += step {
		b := bytes.Clone(good.Bytes())
		b[i] ^= 0x10
		if _, _, err := ReadSnapshot(bytes.NewReader(b), tr.LastZxid(), Options{}); err == nil && (i < 8 || i >= 16) {
			t.Fatalf("byte %d changed, and read", i)
		}
		switch good.Len() - i {
		case digestBlock + zxidBlock, zxidBlock:
			continue
		}
		if _, _, err := ReadSnapshot(bytes.NewReader(b[:i]), tr.LastZxid(), Options{}); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

// stream makes the stream of a snapshot from nodes without sessions and lists.
func stream(nodes map[string]wire.StatPersisted, acl int64) []byte {
	b := wire.AppendInt(wire.AppendInt(nil, 0), 0)
	for _, p := range slices.Sorted(maps.Keys(nodes)) {
		b = wire.AppendLong(wire.AppendBuffer(wire.AppendString(b, p), nil), acl)
		s := nodes[p]
		b = s.AppendTo(b)
	}
	return wire.AppendString(wire.AppendString(b, "/"), "BenWasHere")
}

// TestSnapshotLostACL: old servers wrote nodes whose list is not in the table.
func TestSnapshotLostACL(t *testing.T) {
	b := stream(map[string]wire.StatPersisted{"/a": {Czxid: 3}}, 17)
	tr, err := ReadStream(bytes.NewReader(b), 3, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, _ := tr.Find("/a")
	if acl := tr.ACL(n); len(acl) != 1 || acl[0].Perms != 0 {
		t.Errorf("acl %v", acl)
	}
}

// TestSnapshotOfFixedNodes: those that always exist are as the snapshot says.
func TestSnapshotOfFixedNodes(t *testing.T) {
	want := wire.StatPersisted{Czxid: 3, Mzxid: 3, Pzxid: 3, Ctime: 4, Mtime: 4}
	b := stream(map[string]wire.StatPersisted{"": want, quotaPath: want, configPath: want}, -1)
	tr, err := ReadStream(bytes.NewReader(b), 3, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"", quotaPath, configPath} {
		n, _ := tr.Find(p)
		if s := tr.Stat(n); s.Czxid != 3 || s.Ctime != 4 || s.Aversion != 0 || tr.Data(n) != nil || tr.ACL(n)[0].Perms != wire.PermAll {
			t.Errorf("%q: %+v", p, s)
		}
	}
}

// TestReplayUnderLaterParent: the parent in the snapshot is a later node than
// the one that the transaction counted a child for.
func TestReplayUnderLaterParent(t *testing.T) {
	b := stream(map[string]wire.StatPersisted{"/p": {Czxid: 10, Pzxid: 10, Mzxid: 10}}, -1)
	tr, err := ReadStream(bytes.NewReader(b), 4, Options{})
	if err != nil {
		t.Fatal(err)
	}
	res := apply(t, tr, wire.TxnHeader{Zxid: 5, Op: wire.OpCreate}, &wire.CreateTxn{Path: "/p/x", ACL: open, ParentCversion: 7})
	n, _ := tr.Find("/p")
	if s := tr.Stat(n); s.Cversion != 0 || s.Pzxid != 10 || res.Err != wire.NoNode {
		t.Errorf("%+v, %v", s, res.Err)
	}
}

// TestSnapshotBound: a length costs no more memory than bytes follow it.
func TestSnapshotBound(t *testing.T) {
	b := wire.AppendInt(wire.AppendInt(nil, 0), 0)
	b = wire.AppendInt(wire.AppendString(b, "/a"), 0x7fffffff)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := ReadStream(bytes.NewReader(b), 3, Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

// fuzzySnapshot writes the stream as ZooKeeper does: node by node, each with
// the children it has when its turn comes, while step changes the tree.
func fuzzySnapshot(tr *Tree, step func()) []byte {
	b := tr.appendSessions(nil)
	b = tr.acls.appendTo(b)
	var visit func(path string)
	visit = func(path string) {
		n, ok := tr.Find(path)
		if !ok {
			return
		}
		var one batch
		tr.putSnapNode(&one, uint32(n))
		b = append(b, one.buf...)
		names := slices.Collect(tr.Children(n))
		for i := range names {
			names[i] = strings.Clone(names[i])
		}
		for _, name := range names {
			step()
			visit(path + "/" + name)
		}
	}
	visit("")
	return wire.AppendString(wire.AppendString(b, snapEnd), snapSignature)
}

// TestFuzzyReplay: a snapshot that was written while the tree changed, and the
// transactions since it began, make the tree that those transactions made.
func TestFuzzyReplay(t *testing.T) {
	for seed := range uint64(60) {
		tr := NewWith(genOptions)
		g := newGen(seed, tr)
		g.live = true
		var log []wire.Txn
		step := func() {
			txn := g.next()
			log = append(log, txn)
			tr.Apply(&txn)
		}
		for range 400 {
			step()
		}
		from := tr.LastZxid()
		log = nil
		r := rand.New(rand.NewPCG(seed, 9))
		b := fuzzySnapshot(tr, func() {
			for range r.IntN(12) {
				step()
			}
		})
		got, err := ReadStream(bytes.NewReader(b), from, genOptions)
		if err != nil {
			t.Fatal(err)
		}
		for i := range log {
			got.Apply(&log[i])
		}
		sameTree(t, seed, got, tr)
		checkInside(t, got)
	}
}

// sameTree compares two trees but for quota statistics.
func sameTree(t *testing.T, seed uint64, got, want *Tree) {
	t.Helper()
	a, b := describe(got), describe(want)
	for _, p := range slices.Sorted(maps.Keys(b)) {
		if a[p] != b[p] {
			t.Fatalf("seed %d: %s:\n%s\nwant\n%s", seed, p, a[p], b[p])
		}
	}
	if len(a) != len(b) || got.Digest() != want.Digest() || got.LastZxid() != want.LastZxid() {
		t.Fatalf("seed %d: %d nodes, want %d", seed, len(a), len(b))
	}
}

func FuzzReadSnapshot(f *testing.F) {
	tr := NewWith(genOptions)
	small := func(body wire.Record) {
		tr.Apply(&wire.Txn{Header: wire.TxnHeader{Session: 5, Zxid: tr.LastZxid() + 1, Time: 9}, Body: body})
		for _, form := range []Form{File, Stream} {
			var b bytes.Buffer
			if err := WriteSnapshot(&b, tr, form); err != nil {
				f.Fatal(err)
			}
			f.Add(b.Bytes())
		}
	}
	small(&wire.CreateSessionTxn{Timeout: 4000})
	small(&wire.CreateTxn{Path: "/a", Data: []byte("x"), ACL: genACLs[3], Ephemeral: true, ParentCversion: 1})
	small(&wire.CreateTTLTxn{Path: "/t", ACL: open, TTL: 5, ParentCversion: 2})
	small(&wire.CreateTxn{Path: quotaPath + "/" + limitsNode, ACL: open, ParentCversion: 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if tr, _, err := ReadSnapshot(bytes.NewReader(b), 1, genOptions); err == nil {
			checkInside(t, tr)
		}
		tr, err := ReadStream(bytes.NewReader(b), 1, genOptions)
		if err != nil {
			return
		}
		checkInside(t, tr)
		var again bytes.Buffer
		if err := WriteSnapshot(&again, tr, Stream); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadStream(&again, 1, genOptions); err != nil {
			t.Fatalf("what was read and written does not read: %v", err)
		}
	})
}
