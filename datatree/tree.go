package datatree

import (
	"iter"
	"slices"
	"strings"
	"unsafe"

	"github.com/zabra/zabra/wire"
)

// Options are the settings that change what a tree does.
type Options struct {
	// ExtendedTypes turns TTL nodes on (extendedTypesEnabled): owners with the
	// top byte 0xff mean a time to live. When off they are ordinary ephemeral
	// nodes of the session of that number.
	ExtendedTypes bool
	// Emulate353 also takes owners with just the sign bit for TTL nodes, with
	// 60 bits of milliseconds (emulate353TTLNodes). It needs ExtendedTypes.
	Emulate353 bool
	// HashSeed should be random where clients are not trusted: it keeps them
	// from choosing paths that collide in the index. It changes no output.
	HashSeed uint64
}

// A Tree is the znode tree with its ACLs, sessions and quotas.
//
// Apply, Scan, Cancel and Done change it and must be serialised with
// everything else; all other methods only read and may run at the same time as
// one another.
type Tree struct {
	opts     Options
	nodes    slab[node]
	exts     slab[ext]
	freeNode uint32   // list through node.next
	freeExt  uint32   // list through ext.child
	holes    []uint32 // chunks of nodes that a sparse load left out
	arena    arena
	index    index
	acls     aclTable
	owners   owners

	lastZxid   wire.Zxid
	count      int
	dataSize   int64
	ephemerals int
	digest     digest

	marks marks

	hint    uint32 // of the Apply under way: see ApplyAt
	changes []Change
	subs    []Result
}

// A Node is a node's number in the tree. It is valid until the next Apply.
type Node uint32

// The paths that always exist.
const (
	zookeeperPath = "/zookeeper"
	quotaPath     = "/zookeeper/quota"
	configPath    = "/zookeeper/config"
)

// New returns a fresh tree with the default options.
func New() *Tree { return NewWith(Options{}) }

// NewWith returns a fresh tree: the root, /zookeeper, /zookeeper/quota and
// /zookeeper/config, all with stats of zero.
func NewWith(o Options) *Tree {
	t := newEmpty(o)
	t.addFixed(rootSlot, 0, "", wire.WorldAnyone(wire.PermAll))
	t.addFixed(zookeeperSlot, rootSlot, zookeeperPath, wire.WorldAnyone(wire.PermAll))
	t.addFixed(quotaSlot, zookeeperSlot, quotaPath, wire.WorldAnyone(wire.PermAll))
	t.addFixed(configSlot, zookeeperSlot, configPath, wire.WorldAnyone(wire.PermRead))
	t.needExt(t.nodes.at(configSlot), configPath).aversion = -1
	t.digest.sum = t.nodeDigest(rootSlot, "") + t.nodeDigest(zookeeperSlot, zookeeperPath)
	return t
}

func newEmpty(o Options) *Tree {
	t := &Tree{opts: o}
	t.acls.init()
	t.owners.init()
	return t
}

// addFixed makes one of the nodes that always exist.
func (t *Tree) addFixed(slot, parent uint32, path string, acl []wire.ACL) {
	t.touch(slot)
	t.nodes.reserve(slot)
	t.marks.used.set(slot)
	n := t.nodes.at(slot)
	if parent == 0 {
		n.parent = rootSlot
		t.putBlock(n, "", []byte{})
		t.dataSize++ // ZooKeeper counts the root's path as "/"
	} else {
		t.enter(slot, parent, path[strings.LastIndexByte(path, '/')+1:], []byte{})
		parentPath := path[:strings.LastIndexByte(path, '/')]
		t.linkChild(t.needExt(t.nodes.at(parent), parentPath), slot)
		t.dataSize += int64(len(path))
	}
	n.acl = t.acls.intern(acl)
	t.count++
}

// enter fills a new record's name, data and place in the index.
func (t *Tree) enter(slot, parent uint32, name string, data []byte) {
	n := t.nodes.at(slot)
	n.parent = parent
	n.hash = childHash(t.opts.HashSeed, t.nodes.at(parent).hash, name)
	t.putBlock(n, name, data)
	t.index.insert(&t.nodes, n.hash, slot)
}

// Find returns the node at path. The empty path is the root, like "/".
func (t *Tree) Find(path string) (Node, bool) {
	s := t.find(path)
	return Node(s), s != 0
}

func (t *Tree) find(path string) uint32 {
	if path == "" || path == "/" {
		return rootSlot
	}
	if path[0] != '/' {
		return 0
	}
	var h uint32
	for rest := path[1:]; ; {
		name, tail, more := strings.Cut(rest, "/")
		if name == "" {
			return 0
		}
		h = childHash(t.opts.HashSeed, h, name)
		if !more {
			return t.lookup(h, path)
		}
		rest = tail
	}
}

// hinted is the slot that ApplyAt was given if path leads to it, else 0.
func (t *Tree) hinted(path string) uint32 {
	if s := t.hint; s != 0 && t.inUse(s) && t.isPath(s, path) {
		return s
	}
	return 0
}

// locate is find, with a look at the hint before.
func (t *Tree) locate(path string) uint32 {
	if s := t.hinted(path); s != 0 {
		return s
	}
	return t.find(path)
}

func (t *Tree) lookup(hash uint32, path string) uint32 {
	tb := t.index.table(hash)
	if len(tb.tags) == 0 {
		return 0
	}
	tag := tagOf(hash)
	for i := tb.home(hash); tb.tags[i] != 0; i = tb.next(i) {
		if tb.tags[i] != tag {
			continue
		}
		s := tb.slots[i]
		if t.nodes.at(s).hash == hash && t.isPath(s, path) {
			return s
		}
	}
	return 0
}

// isPath reports whether path leads to the node, comparing from the end.
func (t *Tree) isPath(slot uint32, path string) bool {
	for slot != rootSlot {
		n := t.nodes.at(slot)
		name := t.name(n)
		cut := len(path) - len(name) - 1
		if cut < 0 || path[cut] != '/' || path[cut+1:] != name {
			return false
		}
		path, slot = path[:cut], n.parent
	}
	return path == ""
}

// child returns the child of parent with this name, 0 if there is none.
func (t *Tree) child(parent uint32, name string) uint32 {
	return t.childAt(childHash(t.opts.HashSeed, t.nodes.at(parent).hash, name), parent, name)
}

func (t *Tree) childAt(hash, parent uint32, name string) uint32 {
	tb := t.index.table(hash)
	if len(tb.tags) == 0 {
		return 0
	}
	tag := tagOf(hash)
	for i := tb.home(hash); tb.tags[i] != 0; i = tb.next(i) {
		if tb.tags[i] != tag {
			continue
		}
		s := tb.slots[i]
		if n := t.nodes.at(s); n.hash == hash && n.parent == parent && t.name(n) == name {
			return s
		}
	}
	return 0
}

func (t *Tree) node(n Node) *node { return t.nodes.at(uint32(n)) }

// Path returns the node's path.
func (t *Tree) Path(n Node) string {
	b := t.AppendPath(nil, n)
	return unsafe.String(&b[0], len(b))
}

// AppendPath appends the node's path.
func (t *Tree) AppendPath(b []byte, n Node) []byte {
	if uint32(n) == rootSlot {
		return append(b, '/')
	}
	return t.appendPath(b, uint32(n))
}

// appendPath appends the node's path, nothing for the root.
func (t *Tree) appendPath(b []byte, slot uint32) []byte {
	size := 0
	for s := slot; s != rootSlot; s = t.nodes.at(s).parent {
		size += 1 + len(t.name(t.nodes.at(s)))
	}
	start := len(b)
	b = slices.Grow(b, size)[:start+size]
	for end := len(b); slot != rootSlot; {
		n := t.nodes.at(slot)
		end -= copy(b[end-len(t.name(n)):], t.name(n)) + 1
		b[end] = '/'
		slot = n.parent
	}
	return b
}

// Stat is the node's stat as a client sees it.
func (t *Tree) Stat(n Node) wire.Stat { return t.visible(t.node(n)) }

// Data is the node's data, nil for null. It aliases the tree's memory: it is
// valid until the next Apply and must not be written to.
func (t *Tree) Data(n Node) []byte { return t.data(t.node(n)) }

// ACL is the node's list. It is shared and must not be changed; it stays valid.
func (t *Tree) ACL(n Node) []wire.ACL { return t.acls.list(t.node(n).acl) }

// NumChildren is the number of direct children.
func (t *Tree) NumChildren(n Node) int { return int(t.stored(t.node(n)).kids) }

// AppendChildren appends the vector of the children's names as it stands in a
// reply, oldest first.
func (t *Tree) AppendChildren(b []byte, n Node) []byte {
	b = wire.AppendInt(b, int32(t.NumChildren(n)))
	for s := t.firstChild(t.node(n)); s != 0; {
		c := t.nodes.at(s)
		b = wire.AppendString(b, t.name(c))
		s = c.next
	}
	return b
}

// Children yields the children's names, oldest first. The names alias the
// tree's memory: they are valid until the next Apply.
func (t *Tree) Children(n Node) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := t.firstChild(t.node(n)); s != 0; {
			c := t.nodes.at(s)
			if !yield(t.name(c)) {
				return
			}
			s = c.next
		}
	}
}

// Descendants counts the nodes below n. It walks them, but for the root.
func (t *Tree) Descendants(n Node) int {
	if uint32(n) == rootSlot {
		return t.count - 1
	}
	total := -1
	for s := uint32(n); s != 0; s = t.following(uint32(n), s) {
		total++
	}
	return total
}

// Stored is a node as the tree keeps it, for preparing transactions.
type Stored struct {
	Version     int32
	Cversion    int32 // children ever created; the next sequence number
	Aversion    int32
	Owner       int64 // session, or the marker of a container or TTL node
	Ephemeral   bool  // goes with a session, so that it can have no children
	NumChildren int
	DataLen     int // 0 for null
	Mtime       int64
	ACL         []wire.ACL // shared, not to be changed
}

// Stored returns what a transaction on the node depends on.
func (t *Tree) Stored(n Node) Stored {
	nd := t.node(n)
	e := t.stored(nd)
	return Stored{
		Version: e.version, Cversion: e.cversion, Aversion: e.aversion, Owner: e.owner, Ephemeral: t.kind(e.owner) == ephemeral,
		NumChildren: int(e.kids), DataLen: int(max(nd.dataLen, 0)), Mtime: e.mtime, ACL: t.acls.list(nd.acl),
	}
}

// Ephemeral reports whether the node goes with a session, so that it can have
// no children.
func (t *Tree) Ephemeral(n Node) bool { return t.kind(t.stored(t.node(n)).owner) == ephemeral }

// LastZxid is the last transaction applied.
func (t *Tree) LastZxid() wire.Zxid { return t.lastZxid }

// NodeCount is the number of nodes, the root counted once.
func (t *Tree) NodeCount() int { return t.count }

// DataSize is the sum of the lengths of all paths and data, in bytes.
func (t *Tree) DataSize() int64 { return t.dataSize }

// EphemeralCount is the number of ephemeral nodes.
func (t *Tree) EphemeralCount() int { return t.ephemerals }
