package datatree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io"

	"github.com/zabra/zabra/wire"
)

// SnapshotInfo is what a snapshot file says about itself behind its nodes. A
// zxid is NoZxid where it says nothing.
type SnapshotInfo struct {
	Zxid       wire.Zxid // last transaction processed, as the writer put it at the end
	DigestZxid wire.Zxid // at which the tree has Digest, perhaps only after a replay that far
	Digest     uint64
}

// ReadSnapshot reads a snapshot file, not compressed, and returns the tree and
// what the file says about its end. zxid is the one in the file's name, which
// counts: a snapshot may contain effects of later transactions, and all of
// those are to be applied. NoZxid takes the one in the file.
func ReadSnapshot(r io.Reader, zxid wire.Zxid, o Options) (*Tree, SnapshotInfo, error) {
	s := newSnapReader(r, o)
	info := SnapshotInfo{Zxid: wire.NoZxid, DigestZxid: wire.NoZxid}
	s.readHeader()
	s.readBody()
	s.readSeals(&info)
	if zxid == wire.NoZxid && s.err == nil {
		if zxid = info.Zxid; zxid == wire.NoZxid {
			s.fail(errors.New("it does not tell its zxid"))
		}
	}
	t, err := s.finish(zxid)
	return t, info, err
}

// ReadStream reads the snapshot that follows SNAP, and not a byte more. zxid
// is the packet's.
func ReadStream(r io.Reader, zxid wire.Zxid, o Options) (*Tree, error) {
	s := newSnapReader(r, o)
	s.readBody()
	if sign := s.str(); s.err == nil && sign != snapSignature {
		s.fail(fmt.Errorf("signature %q", sign))
	}
	return s.finish(zxid)
}

// A snapReader reads exactly the bytes it needs. The first error ends it.
type snapReader struct {
	r    io.Reader
	sum  hash.Hash32
	buf  []byte
	off  int64
	err  error
	t    *Tree
	acls map[int64][]wire.ACL
}

func newSnapReader(r io.Reader, o Options) *snapReader {
	return &snapReader{r: r, sum: adler32.New(), t: NewWith(o), acls: make(map[int64][]wire.ACL)}
}

func (s *snapReader) fail(err error) {
	if s.err == nil {
		s.err = fmt.Errorf("datatree: snapshot at offset %d: %w: %w", s.off, err, ErrCorrupt)
	}
}

// readStep bounds how much memory a length is believed to be worth before the
// bytes are there.
const readStep = 1 << 16

// take reads n bytes. They are valid until the next take.
func (s *snapReader) take(n int) []byte {
	s.buf = s.buf[:0]
	for s.err == nil && len(s.buf) < n {
		have := len(s.buf)
		more := min(n-have, max(readStep, have))
		s.buf = append(s.buf, make([]byte, more)...)
		k, err := io.ReadFull(s.r, s.buf[have:])
		s.off += int64(k)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			s.fail(io.ErrUnexpectedEOF)
		} else if err != nil {
			s.err = fmt.Errorf("datatree: snapshot at offset %d: %w", s.off, err)
		}
	}
	if s.err != nil {
		return nil
	}
	s.sum.Write(s.buf)
	return s.buf
}

func (s *snapReader) int() int32 {
	if b := s.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (s *snapReader) long() int64 {
	if b := s.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// buffer reads a buffer, nil for null. It is a copy.
func (s *snapReader) buffer() []byte {
	n := s.int()
	if n < -1 {
		s.fail(fmt.Errorf("length %d", n))
	}
	if n < 0 || s.err != nil {
		return nil
	}
	return append([]byte{}, s.take(int(n))...)
}

func (s *snapReader) str() string { return string(s.buffer()) }

// count reads a count of elements; null counts as none.
func (s *snapReader) count() int32 {
	n := s.int()
	if n < -1 {
		s.fail(fmt.Errorf("count %d", n))
	}
	return max(n, 0)
}

func (s *snapReader) readHeader() {
	if m := s.int(); s.err == nil && m != snapMagic {
		s.fail(fmt.Errorf("begins with %#x, not ZKSN", uint32(m)))
	}
	if v := s.int(); s.err == nil && v != snapVersion {
		s.fail(fmt.Errorf("version %d", v))
	}
	s.long()
}

func (s *snapReader) readBody() {
	for n := s.count(); n > 0 && s.err == nil; n-- {
		id, timeout := wire.SessionID(s.long()), s.int()
		if s.err == nil {
			s.t.openSession(id, timeout)
		}
	}
	for n := s.count(); n > 0 && s.err == nil; n-- {
		id := s.long()
		s.acls[id] = s.readACL()
	}
	for s.err == nil {
		path := s.str()
		if path == snapEnd {
			break
		}
		s.readNode(path)
	}
}

func (s *snapReader) readACL() []wire.ACL {
	var list []wire.ACL
	for n := s.count(); n > 0 && s.err == nil; n-- {
		list = append(list, wire.ACL{Perms: s.int(), ID: wire.ID{Scheme: s.str(), ID: s.str()}})
	}
	if list == nil {
		return []wire.ACL{}
	}
	return list
}

// lostACL stands for a list that the table lacks, as happens in snapshots of
// old servers: nobody may do anything, until the replay sets the list.
func lostACL() []wire.ACL { return wire.WorldAnyone(0) }

func (s *snapReader) readNode(path string) {
	data := s.buffer()
	index := s.long()
	var stat wire.StatPersisted
	d := wire.NewDecoder(s.take(60))
	stat.DecodeFrom(&d)
	if s.err != nil {
		return
	}
	acl, known := s.acls[index]
	if index == worldIndex {
		acl, known = nil, true
	}
	if !known {
		acl = lostACL()
	}
	if err := s.t.addLoaded(path, data, acl, &stat); err != nil {
		s.fail(err)
	}
}

// addLoaded puts a node from a snapshot into the tree. Its parent is there.
func (t *Tree) addLoaded(path string, data []byte, acl []wire.ACL, stat *wire.StatPersisted) error {
	slot := t.find(path)
	if slot > configSlot {
		return fmt.Errorf("node %q is there twice", path)
	}
	created := slot == 0
	if created {
		parentPath, name := split(path)
		parent := t.find(parentPath)
		if name == "" || parent == 0 {
			return fmt.Errorf("node %q has no parent", path)
		}
		h := wire.TxnHeader{Zxid: stat.Czxid, Time: stat.Ctime}
		slot = t.newSlot()
		t.fill(&h, slot, parent, parentPath, name, &newNode{path: path, data: data, acl: acl, owner: stat.EphemeralOwner})
	} else {
		t.dataSize += int64(len(data)) - int64(max(t.nodes.at(slot).dataLen, 0))
		t.change(slot, path, func(n *node, _ *ext) { t.putData(n, data) })
		t.replaceACL(slot, acl)
	}
	if created && plain(stat) {
		return nil
	}
	t.changeStat(slot, path, func(n *node, e *ext) {
		n.czxid, n.ctime = int64(stat.Czxid), stat.Ctime
		e.mzxid, e.mtime, e.pzxid = int64(stat.Mzxid), stat.Mtime, int64(stat.Pzxid)
		e.version, e.cversion, e.aversion = stat.Version, stat.Cversion, stat.Aversion
	})
	return nil
}

// plain reports whether the stat is that of a node left alone since its
// creation.
func plain(s *wire.StatPersisted) bool {
	return s.Version == 0 && s.Cversion == 0 && s.Aversion == 0 && s.EphemeralOwner == 0 &&
		s.Mzxid == s.Czxid && s.Pzxid == s.Czxid && s.Mtime == s.Ctime
}

// What may follow the nodes of a file; nothing but the length tells which.
const (
	sealSize       = 8 + 4 + len(snapEnd)
	digestBlock    = 8 + 4 + 8 + sealSize
	zxidBlock      = 8 + sealSize
	maxSealsBehind = digestBlock + zxidBlock
)

// readSeals checks the seals and reads the blocks between them.
func (s *snapReader) readSeals(info *SnapshotInfo) {
	s.checkSeal()
	if s.err != nil {
		return
	}
	rest, err := io.ReadAll(io.LimitReader(s.r, int64(maxSealsBehind)+1))
	if err != nil {
		s.err = fmt.Errorf("datatree: snapshot at offset %d: %w", s.off, err)
		return
	}
	s.r = &sliceReader{rest}
	switch len(rest) {
	case 0, digestBlock, zxidBlock, digestBlock + zxidBlock:
	default:
		s.fail(fmt.Errorf("%d bytes behind the first seal", len(rest)))
	}
	if len(rest) >= digestBlock {
		z, version, sum := wire.Zxid(s.long()), s.int(), uint64(s.long())
		s.checkSeal()
		if version == DigestVersion && z > 0 {
			info.DigestZxid, info.Digest = z, sum
		}
	}
	if len(rest) == zxidBlock || len(rest) > digestBlock {
		info.Zxid = wire.Zxid(s.long())
		s.checkSeal()
	}
}

func (s *snapReader) checkSeal() {
	want := int64(s.sum.Sum32())
	got := s.long()
	if mark := s.str(); s.err == nil && (got != want || mark != snapEnd) {
		s.fail(fmt.Errorf("checksum %#x instead of %#x", got, want))
	}
}

type sliceReader struct{ b []byte }

func (r *sliceReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

func (s *snapReader) finish(zxid wire.Zxid) (*Tree, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.t.lastZxid = zxid
	s.t.recountAll()
	return s.t, nil
}
