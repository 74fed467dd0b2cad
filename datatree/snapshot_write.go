package datatree

import (
	"hash"
	"hash/adler32"
	"io"

	"github.com/zabra/zabra/wire"
)

// ZooKeeper's snapshot: what both forms have in common, and the file's frame.
const (
	snapMagic     = 0x5a4b534e // ZKSN
	snapVersion   = 2
	snapDBID      = -1
	snapEnd       = "/"          // path after the last node, and mark of each seal
	snapSignature = "BenWasHere" // ends the stream
	worldIndex    = -1           // ACL index of the open list
)

// A Form is a form of ZooKeeper's snapshot.
type Form int

const (
	// File has a header, and checksums, digest and zxid at the end.
	File Form = iota
	// Stream is what a leader sends behind SNAP.
	Stream
)

// A Snapshot delivers ZooKeeper's snapshot of the tree as of the moment it
// began, in steps between which the tree may change. The rules for Step are
// those of Scan.
type Snapshot struct {
	walk  *walk
	form  Form
	meta  meta
	sum   hash.Hash32
	head  []byte // not delivered yet
	ended bool
}

// Snapshot begins a snapshot. It must be ended with Close.
func (t *Tree) Snapshot(form Form) *Snapshot {
	s := &Snapshot{form: form, meta: meta{t.lastZxid, t.digest.sum, uint64(t.count)}, sum: adler32.New()}
	if form == File {
		s.head = wire.AppendInt(s.head, snapMagic)
		s.head = wire.AppendLong(wire.AppendInt(s.head, snapVersion), snapDBID)
	}
	s.head = t.appendSessions(s.head)
	s.head = t.acls.appendTo(s.head)
	set := append(bitmap(nil), t.marks.used...)
	s.walk = t.startWalk(set, t.putSnapNode)
	return s
}

func (t *Tree) appendSessions(b []byte) []byte {
	b = wire.AppendInt(b, int32(t.owners.open))
	for id, ms := range t.Sessions() {
		b = wire.AppendInt(wire.AppendLong(b, int64(id)), ms)
	}
	return b
}

// appendTo appends the table of all lists in use but the open one.
func (a *aclTable) appendTo(b []byte) []byte {
	b = wire.AppendInt(b, int32(len(a.entries)-1-len(a.free)))
	for id, e := range a.entries {
		if id != openACL && e.refs > 0 {
			b = append(wire.AppendLong(b, int64(id)), e.key...)
		}
	}
	return b
}

// putSnapNode appends a node as it stands in a snapshot.
func (t *Tree) putSnapNode(b *batch, slot uint32) {
	n := t.nodes.at(slot)
	mark := len(b.buf)
	b.buf = t.appendPath(wire.AppendInt(b.buf, 0), slot)
	wire.AppendInt(b.buf[:mark], int32(len(b.buf)-mark-4))
	b.buf = wire.AppendBuffer(b.buf, t.data(n))
	acl := int64(n.acl)
	if n.acl == openACL {
		acl = worldIndex
	}
	b.buf = wire.AppendLong(b.buf, acl)
	e := t.stored(n)
	stat := wire.StatPersisted{
		Czxid: wire.Zxid(n.czxid), Mzxid: wire.Zxid(e.mzxid), Pzxid: wire.Zxid(e.pzxid), Ctime: n.ctime, Mtime: e.mtime,
		Version: e.version, Cversion: e.cversion, Aversion: e.aversion, EphemeralOwner: e.owner,
	}
	b.buf = stat.AppendTo(b.buf)
}

// Zxid is the last transaction that the snapshot contains; a file is named
// after it.
func (s *Snapshot) Zxid() wire.Zxid { return s.meta.zxid }

// Step returns the next bytes, about max but more when many changes had to be
// put aside, and nil at the end. They are valid until the next Step.
func (s *Snapshot) Step(max int) []byte {
	if s.ended {
		return nil
	}
	if s.head != nil {
		out := s.head
		s.head = nil
		return s.summed(out)
	}
	if b := s.walk.step(max); b != nil {
		return s.summed(b.buf)
	}
	s.Close()
	return s.tail()
}

func (s *Snapshot) summed(b []byte) []byte {
	s.sum.Write(b)
	return b
}

func (s *Snapshot) tail() []byte {
	b := wire.AppendString(nil, snapEnd)
	if s.form == Stream {
		return wire.AppendString(b, snapSignature)
	}
	s.sum.Write(b)
	b = s.seal(b)
	mark := len(b)
	b = wire.AppendInt(wire.AppendLong(b, int64(s.meta.zxid)), DigestVersion)
	b = wire.AppendLong(b, int64(s.meta.digest))
	s.sum.Write(b[mark:])
	b = s.seal(b)
	mark = len(b)
	b = wire.AppendLong(b, int64(s.meta.zxid))
	s.sum.Write(b[mark:])
	return s.seal(b)
}

// seal appends the checksum of everything before it; the next one covers it.
func (s *Snapshot) seal(b []byte) []byte {
	mark := len(b)
	b = wire.AppendString(wire.AppendLong(b, int64(s.sum.Sum32())), snapEnd)
	s.sum.Write(b[mark:])
	return b
}

// Close ends the snapshot, before its end or after.
func (s *Snapshot) Close() {
	if !s.ended {
		s.ended = true
		s.walk.stop()
	}
}

// WriteSnapshot writes a snapshot of a tree that does not change meanwhile.
func WriteSnapshot(w io.Writer, t *Tree, form Form) error {
	s := t.Snapshot(form)
	defer s.Close()
	for b := s.Step(1 << 16); b != nil; b = s.Step(1 << 16) {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
