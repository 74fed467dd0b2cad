package datatree

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A twin is the tree in its dumbest form, to judge the clever one by.
type twin struct {
	nodes    map[string]*twinNode // by path, the root under ""
	sessions map[wire.SessionID]int32
	zxid     wire.Zxid
	born     int
}

type twinNode struct {
	data []byte
	acl  []wire.ACL
	stat wire.StatPersisted
	born int // order of creation
}

func newTwin() *twin {
	w := &twin{nodes: map[string]*twinNode{}, sessions: map[wire.SessionID]int32{}}
	for _, p := range []string{"", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"} {
		w.put(p, &twinNode{data: []byte{}, acl: open})
	}
	config := w.nodes["/zookeeper/config"]
	config.acl, config.stat.Aversion = wire.WorldAnyone(wire.PermRead), -1
	return w
}

func (w *twin) put(path string, n *twinNode) {
	n.born = w.born
	w.born++
	w.nodes[path] = n
}

func up(path string) string { return path[:strings.LastIndexByte(path, '/')] }

func (w *twin) children(path string) []string {
	var names []string
	for p := range w.nodes {
		if p != "" && up(p) == path {
			names = append(names, p[len(path)+1:])
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return w.nodes[path+"/"+a].born - w.nodes[path+"/"+b].born
	})
	return names
}

func (w *twin) apply(txn *wire.Txn) {
	if txn.Header.Zxid <= w.zxid {
		return
	}
	w.applyBody(&txn.Header, txn.Body)
	w.zxid = txn.Header.Zxid
}

func (w *twin) applyBody(h *wire.TxnHeader, body wire.Record) {
	switch b := body.(type) {
	case *wire.CreateTxn:
		owner := int64(0)
		if b.Ephemeral {
			owner = int64(h.Session)
		}
		w.create(h, b.Path, b.Data, b.ACL, owner, b.ParentCversion)
	case *wire.CreateContainerTxn:
		w.create(h, b.Path, b.Data, b.ACL, wire.ContainerOwner, b.ParentCversion)
	case *wire.CreateTTLTxn:
		w.create(h, b.Path, b.Data, b.ACL, wire.TTLOwner|b.TTL, b.ParentCversion)
	case *wire.DeleteTxn:
		w.delete(h, b.Path)
	case *wire.SetDataTxn:
		if n := w.nodes[b.Path]; n != nil {
			grown := len(b.Data) - len(n.data)
			n.data = bytes.Clone(b.Data)
			n.stat.Version, n.stat.Mzxid, n.stat.Mtime = b.Version, h.Zxid, h.Time
			w.charge(b.Path, grown, 0)
		}
	case *wire.SetACLTxn:
		if n := w.nodes[b.Path]; n != nil {
			n.acl, n.stat.Aversion = b.ACL, b.Aversion
		}
	case *wire.CreateSessionTxn:
		w.sessions[h.Session] = b.Timeout
	case *wire.CloseSessionTxn:
		for _, p := range b.Paths {
			w.delete(h, p)
		}
		for _, p := range w.ephemerals(h.Session) {
			w.delete(h, p)
		}
		delete(w.sessions, h.Session)
	case *wire.MultiTxn:
		w.multi(h, b)
	}
}

func (w *twin) multi(h *wire.TxnHeader, b *wire.MultiTxn) {
	if slices.ContainsFunc(b.Txns, func(s wire.SubTxn) bool { return s.Op == wire.OpError }) {
		return
	}
	for _, s := range b.Txns {
		sub, _ := wire.DecodeSubTxn(*h, s)
		w.applyBody(h, sub.Body)
	}
}

func (w *twin) create(h *wire.TxnHeader, path string, data []byte, acl []wire.ACL, owner int64, pcv int32) {
	parent := w.nodes[up(path)]
	if parent == nil {
		return
	}
	if pcv == -1 {
		pcv = parent.stat.Cversion + 1
	}
	if pcv > parent.stat.Cversion {
		parent.stat.Cversion, parent.stat.Pzxid = pcv, h.Zxid
	}
	n := &twinNode{data: bytes.Clone(data), acl: acl, stat: wire.StatPersisted{
		Czxid: h.Zxid, Mzxid: h.Zxid, Pzxid: h.Zxid, Ctime: h.Time, Mtime: h.Time, EphemeralOwner: owner}}
	if old := w.nodes[path]; old != nil {
		if old.stat.Czxid == h.Zxid {
			old.acl = acl // created twice by one multi
			return
		}
		n.born = old.born
		w.nodes[path] = n
		w.charge(path, len(data)-len(old.data), 0)
		return
	}
	w.put(path, n)
	if dir, ok := strings.CutSuffix(path, "/zookeeper_stats"); ok && strings.HasPrefix(dir, quotaPath) {
		w.recount(dir[len(quotaPath):])
	}
	w.charge(path, len(data), 1)
}

func (w *twin) delete(h *wire.TxnHeader, path string) {
	parent, n := w.nodes[up(path)], w.nodes[path]
	if parent == nil || slices.Contains([]string{zookeeperPath, quotaPath, configPath}, path) {
		return
	}
	if n != nil && len(w.children(path)) > 0 {
		return
	}
	parent.stat.Pzxid = max(parent.stat.Pzxid, h.Zxid)
	if n == nil {
		return
	}
	delete(w.nodes, path)
	w.charge(path, -len(n.data), -1)
}

func (w *twin) ephemerals(id wire.SessionID) []string {
	var paths []string
	for p, n := range w.nodes {
		if n.stat.EphemeralOwner == int64(id) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

func (w *twin) charge(path string, size, count int) {
	for p := path; p != ""; p = up(p) {
		if w.nodes[quotaPath+p+"/zookeeper_limits"] == nil {
			continue
		}
		if stats := w.nodes[quotaPath+p+"/zookeeper_stats"]; stats != nil {
			r := parseQuota(stats.data)
			r.set("count", r.get("count")+int64(count))
			r.set("bytes", r.get("bytes")+int64(size))
			stats.data = r.appendTo(nil)
		}
		return
	}
}

func (w *twin) recount(target string) {
	count, size := 0, 0
	for p, n := range w.nodes {
		if p == target || strings.HasPrefix(p, target+"/") {
			count, size = count+1, size+len(n.data)
		}
	}
	if w.nodes[target] == nil {
		count, size = 0, 0
	}
	w.nodes[quotaPath+target+"/zookeeper_stats"].data = fmt.Appendf(nil, "count=%d,bytes=%d", count, size)
}

func (w *twin) digest() (sum uint64) {
	for p, n := range w.nodes {
		if strings.HasPrefix(p, "/zookeeper/") {
			continue
		}
		b := append([]byte(p), n.data...)
		be := binary.BigEndian
		for _, v := range []int64{int64(n.stat.Czxid), int64(n.stat.Mzxid), int64(n.stat.Pzxid), n.stat.Ctime, n.stat.Mtime} {
			b = be.AppendUint64(b, uint64(v))
		}
		for _, v := range []int32{n.stat.Version, n.stat.Cversion, n.stat.Aversion} {
			b = be.AppendUint32(b, uint32(v))
		}
		sum += uint64(crc32.ChecksumIEEE(be.AppendUint64(b, uint64(n.stat.EphemeralOwner))))
	}
	return sum
}

// compare fails the test if the tree shows anything else than the twin.
func (w *twin) compare(t testing.TB, tr *Tree) {
	t.Helper()
	if tr.NodeCount() != len(w.nodes) || tr.LastZxid() != w.zxid {
		t.Fatalf("count %d, want %d; zxid %v, want %v", tr.NodeCount(), len(w.nodes), tr.LastZxid(), w.zxid)
	}
	size, ephemerals := int64(1), 0
	for _, p := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[p]
		w.compareNode(t, tr, p, n)
		size += int64(len(p) + len(n.data))
		if tr.kind(n.stat.EphemeralOwner) == ephemeral {
			ephemerals++
		}
	}
	if tr.DataSize() != size || tr.EphemeralCount() != ephemerals {
		t.Fatalf("size %d, want %d; ephemerals %d, want %d", tr.DataSize(), size, tr.EphemeralCount(), ephemerals)
	}
	if tr.Digest() != w.digest() {
		t.Fatalf("digest %#x, want %#x", tr.Digest(), w.digest())
	}
	w.compareSessions(t, tr)
}

func (w *twin) compareNode(t testing.TB, tr *Tree, p string, n *twinNode) {
	t.Helper()
	nd, ok := tr.Find(p)
	if !ok {
		t.Fatalf("%q is missing", p)
	}
	if got := tr.Data(nd); !bytes.Equal(got, n.data) || (got == nil) != (n.data == nil) {
		t.Fatalf("%q: data %q, want %q", p, got, n.data)
	}
	if !reflect.DeepEqual(tr.ACL(nd), n.acl) {
		t.Fatalf("%q: acl %v, want %v", p, tr.ACL(nd), n.acl)
	}
	kids := w.children(p)
	owner := n.stat.EphemeralOwner
	if tr.kind(owner) != ephemeral {
		owner = 0
	}
	s := n.stat
	want := wire.Stat{Czxid: s.Czxid, Mzxid: s.Mzxid, Pzxid: s.Pzxid, Ctime: s.Ctime, Mtime: s.Mtime, Version: s.Version,
		Cversion: 2*s.Cversion - int32(len(kids)), Aversion: s.Aversion, EphemeralOwner: owner,
		DataLength: int32(len(n.data)), NumChildren: int32(len(kids))}
	if got := tr.Stat(nd); got != want {
		t.Fatalf("%q: stat %+v, want %+v", p, got, want)
	}
	got := slices.Collect(tr.Children(nd))
	slices.Sort(got)
	slices.Sort(kids)
	if !slices.Equal(got, kids) {
		t.Fatalf("%q: children %q, want %q", p, got, kids)
	}
	if got := tr.Path(nd); got != p && got != "/" {
		t.Fatalf("%q: path %q", p, got)
	}
	below := 0
	for q := range w.nodes {
		if strings.HasPrefix(q, p+"/") {
			below++
		}
	}
	if got := tr.Descendants(nd); got != below {
		t.Fatalf("%q: %d descendants, want %d", p, got, below)
	}
}

func (w *twin) compareSessions(t testing.TB, tr *Tree) {
	t.Helper()
	if got := maps.Collect(tr.Sessions()); !maps.Equal(got, w.sessions) || tr.SessionCount() != len(got) {
		t.Fatalf("sessions %v, want %v", got, w.sessions)
	}
	for id := wire.SessionID(1); id <= genSessions; id++ {
		if got, want := tr.Ephemerals(id), w.ephemerals(id); !slices.Equal(got, want) {
			t.Fatalf("ephemerals of %v: %q, want %q", id, got, want)
		}
	}
}
