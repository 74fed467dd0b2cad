package datatree

import (
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
	sum     uint64
	log     []ZxidDigest // a ring once it is full
	oldest  int
	scratch [60]byte // here, because what is given to crc32 moves to the heap
}

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

// prefixCRC is the CRC of path and data. The root's path is empty.
func (t *Tree) prefixCRC(n *node, path string) uint32 {
	if path == "/" {
		path = ""
	}
	return crc32.Update(crcString(0, path), crc32.IEEETable, t.data(n))
}

// nodeDigest is the node's part of the digest, 0 for a node that has none.
func (t *Tree) nodeDigest(slot uint32, path string) uint64 {
	if !inDigest(path) {
		return 0
	}
	n := t.nodes.at(slot)
	e := t.stored(n)
	if n.ext == 0 {
		e.prefix = t.prefixCRC(n, path)
	}
	return t.digest.finish(n, &e)
}

// finish adds the stat to the CRC of path and data.
func (d *digest) finish(n *node, e *ext) uint64 {
	b := d.scratch[:]
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
	return uint64(crc32.Update(e.prefix, crc32.IEEETable, b))
}
