package history

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/zabra/zabra/wire"
)

// A node is what the model knows of a path.
type node struct {
	data     []byte
	version  int32
	mzxid    wire.Zxid
	owner    wire.SessionID
	created  int32 // children ever
	children map[string]bool

	reader    int   // who alone may read it: the number of a client and one; 0 for all
	container bool  // it may go when its children are gone
	ttl       int64 // it may go when it was not changed for so long, milliseconds
	mtime     int64
}

// mine reports whether a client may read a node of reader.
func mine(reader, client int) bool { return reader == 0 || reader == client+1 || client == 0 }

// A moment is what a path was from a transaction on; node is nil when it was not
// there.
type moment struct {
	zxid    wire.Zxid
	exists  bool
	data    []byte
	version int32
	mzxid   wire.Zxid
	reader  int
}

// A change is what watches are told of.
type change struct {
	zxid   wire.Zxid
	kind   wire.EventType
	path   string
	reader int // of the node, as in node
}

// A model is the tree as a map, and everything it ever was.
type model struct {
	nodes    map[string]*node
	sessions map[wire.SessionID]bool
	ended    map[wire.SessionID]bool
	past     map[string][]moment    // by path, in order
	kids     map[string][]wire.Zxid // when the list of children changed, or the node went
	changes  []change               // in order
	zxid     wire.Zxid
	time     int64 // of the transaction
}

func newModel() *model {
	m := &model{
		nodes: map[string]*node{}, sessions: map[wire.SessionID]bool{}, ended: map[wire.SessionID]bool{},
		past: map[string][]moment{}, kids: map[string][]wire.Zxid{},
	}
	for _, p := range []string{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"} {
		m.nodes[p] = &node{children: map[string]bool{}}
		if parent := parentOf(p); p != "/" {
			m.nodes[parent].children[p] = true
		}
	}
	return m
}

const configPath = "/zookeeper/config"

func parentOf(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return "/"
	}
	return path[:i]
}

func (m *model) note(path string) {
	now := moment{zxid: m.zxid}
	if n := m.nodes[path]; n != nil {
		now = moment{m.zxid, true, n.data, n.version, n.mzxid, n.reader}
	}
	m.past[path] = append(m.past[path], now)
}

// at is what a path was behind a transaction.
func (m *model) at(path string, z wire.Zxid) moment {
	h := m.past[path]
	i := sort.Search(len(h), func(i int) bool { return h[i].zxid > z })
	if i == 0 {
		return moment{}
	}
	return h[i-1]
}

// changedBetween returns the first change of a path's node, or of its children,
// after one transaction and not after another; 0 if there is none.
func (m *model) changedBetween(path string, after, to wire.Zxid, children bool) wire.Zxid {
	if children {
		h := m.kids[path]
		if i := sort.Search(len(h), func(i int) bool { return h[i] > after }); i < len(h) && h[i] <= to {
			return h[i]
		}
		return 0
	}
	h := m.past[path]
	if i := sort.Search(len(h), func(i int) bool { return h[i].zxid > after }); i < len(h) && h[i].zxid <= to {
		return h[i].zxid
	}
	return 0
}

func (m *model) tell(kind wire.EventType, path string, reader int) {
	m.changes = append(m.changes, change{m.zxid, kind, path, reader})
}

func (m *model) create(path string, data []byte, owner wire.SessionID, reader int) {
	parent := m.nodes[parentOf(path)]
	if parent == nil {
		return
	}
	m.nodes[path] = &node{data: bytes.Clone(data), mzxid: m.zxid, owner: owner, children: map[string]bool{}, mtime: m.time, reader: reader}
	parent.children[path] = true
	parent.created++
	m.note(path)
	m.tell(wire.EventNodeCreated, path, reader)
	m.tell(wire.EventNodeChildrenChanged, parentOf(path), parent.reader)
	m.kids[parentOf(path)] = append(m.kids[parentOf(path)], m.zxid)
}

func (m *model) delete(path string) {
	m.tell(wire.EventNodeDeleted, path, m.nodes[path].reader)
	delete(m.nodes, path)
	if parent := m.nodes[parentOf(path)]; parent != nil {
		delete(parent.children, path)
		m.tell(wire.EventNodeChildrenChanged, parentOf(path), parent.reader)
	}
	m.note(path)
	m.kids[path] = append(m.kids[path], m.zxid)
	m.kids[parentOf(path)] = append(m.kids[parentOf(path)], m.zxid)
}

func (m *model) set(path string, data []byte) {
	n := m.nodes[path]
	n.data, n.mzxid, n.version, n.mtime = bytes.Clone(data), m.zxid, n.version+1, m.time
	m.note(path)
	m.tell(wire.EventNodeDataChanged, path, n.reader)
}

func (m *model) owned(id wire.SessionID) []string {
	var paths []string
	for p, n := range m.nodes {
		if n.owner == id {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

// expect says what the outcome of a request has to be here; created is the path of
// a create, "" for a sequential one.
func (m *model) expect(op wire.OpCode, path string, version int32, mode wire.CreateMode, client int) (code wire.Code, created string) {
	n, parent := m.nodes[path], m.nodes[parentOf(path)]
	switch op {
	case wire.OpCreate, wire.OpCreateContainer, wire.OpCreateTTL:
		switch {
		case parent == nil:
			return wire.NoNode, ""
		case mode.Sequential():
			if parent.owner != 0 {
				return wire.NoChildrenForEphemerals, ""
			}
			return wire.OK, ""
		case n != nil:
			return wire.NodeExists, ""
		case parent.owner != 0:
			return wire.NoChildrenForEphemerals, ""
		}
		return wire.OK, path
	case wire.OpDelete, wire.OpSetData, wire.OpCheck:
		switch {
		case n == nil:
			return wire.NoNode, ""
		case op != wire.OpDelete && !mine(n.reader, client):
			return wire.NoAuth, ""
		case version != -1 && version != n.version:
			return wire.BadVersion, ""
		case op == wire.OpDelete && len(n.children) > 0:
			return wire.NotEmpty, ""
		}
	}
	return wire.OK, ""
}

// clone copies what expect looks at.
func (m *model) clone() *model {
	c := &model{nodes: make(map[string]*node, len(m.nodes)), past: map[string][]moment{}, kids: map[string][]wire.Zxid{}, zxid: m.zxid}
	for p, n := range m.nodes {
		d := *n
		d.children = maps.Clone(n.children)
		c.nodes[p] = &d
	}
	return c
}

// expectMulti returns the first error of a multi.
func (m *model) expectMulti(ops []wire.MultiOp, owner wire.SessionID, client int) wire.Code {
	c := m.clone()
	for _, op := range ops {
		code := wire.OK
		switch b := op.Body.(type) {
		case *wire.CreateRequest:
			mode := wire.CreateMode(b.Flags)
			var path string
			if code, path = c.expect(wire.OpCreate, b.Path, 0, mode, client); code == wire.OK && path != "" {
				c.create(path, b.Data, ownerOf(mode, owner), 0)
			}
		case *wire.SetDataRequest:
			if code, _ = c.expect(wire.OpSetData, b.Path, b.Version, 0, client); code == wire.OK {
				c.set(b.Path, b.Data)
			}
		case *wire.PathVersionRequest:
			if code, _ = c.expect(op.Op, b.Path, b.Version, 0, client); code == wire.OK && op.Op == wire.OpDelete {
				c.delete(b.Path)
			}
		}
		if code != wire.OK {
			return code
		}
	}
	return wire.OK
}

func ownerOf(mode wire.CreateMode, s wire.SessionID) wire.SessionID {
	if mode.Ephemeral() {
		return s
	}
	return 0
}

// apply carries out a committed transaction.
func (m *model) apply(t *wire.Txn) error {
	m.zxid, m.time = t.Header.Zxid, t.Header.Time
	if d, ok := t.Body.(*wire.DeleteTxn); ok && t.Header.Op == wire.OpDeleteContainer {
		return m.reap(d.Path)
	}
	switch b := t.Body.(type) {
	case *wire.CreateSessionTxn:
		m.sessions[t.Header.Session] = true
	case *wire.CloseSessionTxn:
		if !m.sessions[t.Header.Session] && t.Header.Cxid != 0 && len(b.Paths) == 0 {
			return nil // its client closed what had just expired
		}
		return m.close(t.Header.Session, b.Paths)
	case *wire.MultiTxn:
		return m.multi(t, b)
	default:
		return m.change(t.Header.Session, t.Body)
	}
	return nil
}

func (m *model) multi(t *wire.Txn, b *wire.MultiTxn) error {
	for _, sub := range b.Txns {
		if sub.Op == wire.OpError {
			return nil
		}
	}
	for _, sub := range b.Txns {
		s, err := wire.DecodeSubTxn(t.Header, sub)
		if err != nil {
			return err
		}
		if err := m.change(t.Header.Session, s.Body); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) change(s wire.SessionID, body wire.Record) error {
	switch b := body.(type) {
	case *wire.CreateTxn:
		if m.nodes[b.Path] != nil || m.nodes[parentOf(b.Path)] == nil {
			return fmt.Errorf("creates %s, which exists or has no parent", b.Path)
		}
		owner := wire.SessionID(0)
		if b.Ephemeral {
			owner = s
		}
		m.create(b.Path, b.Data, owner, readerOf(b.ACL))
	case *wire.CreateContainerTxn:
		if m.nodes[b.Path] != nil || m.nodes[parentOf(b.Path)] == nil {
			return fmt.Errorf("creates %s, which exists or has no parent", b.Path)
		}
		m.create(b.Path, b.Data, 0, 0)
		m.nodes[b.Path].container = true
	case *wire.CreateTTLTxn:
		if m.nodes[b.Path] != nil || m.nodes[parentOf(b.Path)] == nil {
			return fmt.Errorf("creates %s, which exists or has no parent", b.Path)
		}
		m.create(b.Path, b.Data, 0, 0)
		m.nodes[b.Path].ttl = b.TTL
	case *wire.DeleteTxn:
		n := m.nodes[b.Path]
		if n == nil || len(n.children) > 0 {
			return fmt.Errorf("deletes %s, which does not exist or has children", b.Path)
		}
		m.delete(b.Path)
	case *wire.SetDataTxn:
		if b.Path == configPath {
			return nil // each server shows the configuration by itself
		}
		n := m.nodes[b.Path]
		if n == nil || b.Version != n.version+1 {
			return fmt.Errorf("sets %s to version %d, which does not exist or has another one", b.Path, b.Version)
		}
		m.set(b.Path, b.Data)
	}
	return nil
}

// reap carries out what the ensemble does by itself to containers and TTL nodes.
func (m *model) reap(path string) error {
	n := m.nodes[path]
	switch {
	case n == nil || len(n.children) > 0:
		return fmt.Errorf("reaps %s, which does not exist or has children", path)
	case n.container && n.created > 0:
	case n.ttl > 0 && m.time-n.mtime > n.ttl:
	default:
		return fmt.Errorf("reaps %s, which is not due", path)
	}
	m.delete(path)
	return nil
}

// readerOf is who may read a node with an access list: all, or the one that it names by
// the user that a client authenticates as.
func readerOf(acl []wire.ACL) int {
	if len(acl) != 1 || acl[0].ID.Scheme != "digest" {
		return 0
	}
	var client int
	if _, err := fmt.Sscanf(acl[0].ID.ID, "u%d:", &client); err != nil {
		return 0
	}
	return client + 1
}

func (m *model) close(s wire.SessionID, paths []string) error {
	if !m.sessions[s] {
		return fmt.Errorf("session %v ends, and is not open", s)
	}
	want := m.owned(s)
	got := slices.Sorted(slices.Values(paths))
	if !slices.Equal(got, want) {
		return fmt.Errorf("session %v ends and takes %v, and owns %v", s, got, want)
	}
	for _, p := range want {
		m.delete(p)
	}
	delete(m.sessions, s)
	m.ended[s] = true
	return nil
}
