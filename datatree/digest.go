package datatree

import (
	"crypto/subtle"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"unsafe"

	"github.com/zabra/zabra/wire"
)

// DigestVersion is the version of the digest that Digest computes, ZooKeeper's
// second.
const DigestVersion = 2

const (
	digestInterval = 128
	digestKept     = 1024
)

// A ZxidDigest is the tree's digest after a transaction.
type ZxidDigest struct {
	Zxid   wire.Zxid
	Digest uint64
}

type digest struct {
	sum    uint64
	log    []ZxidDigest // a ring once it is full
	oldest int
	// The bytes that a CRC is made of: here, because what is given to crc32 moves to
	// the heap.
	scratch [digestScratch]byte
	stat    statBytes
}

// digestScratch is the length of path, data and stat together up to which they are
// copied, so that one call covers them: package crc32 is quick from 64 bytes on.
const digestScratch = 1024

// Digest is ZooKeeper's digest of the whole tree: the sum, modulo 2^64, of the
// CRC-32 of each node's path, data and stat, without the nodes below
// /zookeeper.
func (t *Tree) Digest() uint64 { return t.digest.sum }

// Digests returns the digests after the last transactions whose zxids divide
// by 128, oldest first, 1024 at most.
func (t *Tree) Digests() []ZxidDigest {
	d := &t.digest
	return append(append([]ZxidDigest(nil), d.log[d.oldest:]...), d.log[:d.oldest]...)
}

func (d *digest) note(z wire.Zxid) {
	if z%digestInterval != 0 {
		return
	}
	entry := ZxidDigest{z, d.sum}
	if len(d.log) < digestKept {
		d.log = append(d.log, entry)
		return
	}
	d.log[d.oldest] = entry
	d.oldest = (d.oldest + 1) % digestKept
}

func inDigest(path string) bool { return !strings.HasPrefix(path, zookeeperPath+"/") }

func crcString(crc uint32, s string) uint32 {
	return crc32.Update(crc, crc32.IEEETable, unsafe.Slice(unsafe.StringData(s), len(s)))
}

// nodeDigest is the node's part of the digest, 0 for a node that has none.
func (t *Tree) nodeDigest(slot uint32, path string) uint64 {
	n := t.nodes.at(slot)
	if n.ext != 0 {
		return uint64(t.exts.at(n.ext).digest)
	}
	e := t.stored(n)
	return uint64(t.computeDigest(n, &e, path))
}

// computeDigest is the CRC of path, data and stat, 0 for a node that is left out. The
// root's path is empty.
func (t *Tree) computeDigest(n *node, e *ext, path string) uint32 {
	if !inDigest(path) {
		return 0
	}
	if path == "/" {
		path = ""
	}
	d, data := &t.digest, t.data(n)
	size := len(path) + len(data)
	if size+statSize > len(d.scratch) {
		return d.finish(crc32.Update(crcString(0, path), crc32.IEEETable, data), n, e)
	}
	b := d.scratch[:size+statSize]
	copy(b[copy(b, path):], data)
	(*statBytes)(b[size:]).fill(n, e)
	return crc32.ChecksumIEEE(b)
}

// finish adds the stat to the CRC of path and data.
func (d *digest) finish(crc uint32, n *node, e *ext) uint32 {
	d.stat.fill(n, e)
	return crc32.Update(crc, crc32.IEEETable, d.stat[:])
}

// statSize is the length of the stat in a digest.
const statSize = 60

// A statBytes is a stat as a digest covers it.
type statBytes [statSize]byte

func (b *statBytes) fill(n *node, e *ext) {
	be := binary.BigEndian
	be.PutUint64(b[0:], uint64(n.czxid))
	be.PutUint64(b[8:], uint64(e.mzxid))
	be.PutUint64(b[16:], uint64(e.pzxid))
	be.PutUint64(b[24:], uint64(n.ctime))
	be.PutUint64(b[32:], uint64(e.mtime))
	be.PutUint32(b[40:], uint32(e.version))
	be.PutUint32(b[44:], uint32(e.cversion))
	be.PutUint32(b[48:], uint32(e.aversion))
	be.PutUint64(b[52:], uint64(e.owner))
}

// restated is what a digest of this node becomes when the stat changes from one to
// another and path and data stay. A CRC is linear: two that differ in their last bytes
// alone differ by the CRC of the difference, begun and ended with zeros. Zeros in front
// do not count then, and fill it up to 64 bytes.
func (d *digest) restated(crc uint32, before, after *statBytes) uint32 {
	const lead = 64 - statSize
	b := d.scratch[:lead+statSize]
	clear(b[:lead])
	subtle.XORBytes(b[lead:], before[:], after[:])
	return crc ^ ^crc32.Update(^uint32(0), crc32.IEEETable, b)
}
