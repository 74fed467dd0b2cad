package txnlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/zabra/zabra/wire"
)

// Everything in this file is format: it describes what is on disks already.
const (
	magic     = "ZABRALOG"
	zkMagic   = "ZKLG" // begins ZooKeeper's own log files
	version   = 1
	flagStart = 1

	pageSize   = 4096
	sectorSize = 512
	headerSize = pageSize
	settledOff = pageSize     // of the settled mark
	firstFrame = 2 * pageSize // offset of the first frame
	frameSize  = 32           // header of a frame

	filePrefix   = "log."
	preallocName = filePrefix + "prealloc"
	LockName     = filePrefix + "lock" // locked by whoever has the log open
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header describes a segment.
type header struct {
	start  bool      // begins a history
	salt   uint64    // seeds the checksums
	size   int64     // of the file, bytes
	seq    uint64    // number of the segment, one more than its predecessor's
	prev   wire.Zxid // last zxid before the segment
	before uint64    // records before the segment, since the start
	chain  uint32    // checksum of the record before; 0 at the start
}

func (h *header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	binary.BigEndian.PutUint32(b[8:], version)
	if h.start {
		binary.BigEndian.PutUint32(b[12:], flagStart)
	}
	binary.BigEndian.PutUint64(b[16:], h.salt)
	binary.BigEndian.PutUint64(b[24:], uint64(h.size))
	binary.BigEndian.PutUint64(b[32:], h.seq)
	binary.BigEndian.PutUint64(b[40:], uint64(h.prev))
	binary.BigEndian.PutUint64(b[48:], h.before)
	binary.BigEndian.PutUint32(b[56:], h.chain)
	binary.BigEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
	return b
}

// decodeHeader returns what is wrong with b, or "", and what to do about it.
func decodeHeader(b []byte) (h header, wrong, remedy string) {
	switch {
	case len(b) >= len(zkMagic) && string(b[:len(zkMagic)]) == zkMagic:
		return h, "this is a transaction log of Apache ZooKeeper", remedyZooKeeper
	case len(b) < headerSize:
		return h, "the file ends inside its header", remedyDamage
	case string(b[:len(magic)]) != magic:
		return h, "the file does not begin as a segment of the log", remedyDamage
	case binary.BigEndian.Uint32(b[headerSize-4:]) != crc32.Checksum(b[:headerSize-4], castagnoli):
		return h, "bad checksum of the header", remedyDamage
	case binary.BigEndian.Uint32(b[8:]) != version:
		return h, fmt.Sprintf("format version %d, not %d", binary.BigEndian.Uint32(b[8:]), version), remedyVersion
	}
	h = header{
		start:  binary.BigEndian.Uint32(b[12:])&flagStart != 0,
		salt:   binary.BigEndian.Uint64(b[16:]),
		size:   int64(binary.BigEndian.Uint64(b[24:])),
		seq:    binary.BigEndian.Uint64(b[32:]),
		prev:   wire.Zxid(binary.BigEndian.Uint64(b[40:])),
		before: binary.BigEndian.Uint64(b[48:]),
		chain:  binary.BigEndian.Uint32(b[56:]),
	}
	if h.size < firstFrame+frameSize || h.size > MaxSegmentSize || h.prev < 0 {
		return h, "impossible values in the header", remedyDamage
	}
	return h, "", ""
}

type kind uint8

const (
	kindRecord kind = 1 + iota
	kindMark        // everything before it is durable
	kindCut         // nothing behind it counts
	kindEnd         // the log goes on in the next segment
)

// frame is the header of a frame.
type frame struct {
	kind   kind
	length uint32 // of the payload
	data   uint32 // checksum of the payload
	zxid   wire.Zxid
	prev   uint32 // sum of the record before
	synced uint32
}

// salts seed the checksums of one segment.
type salts struct{ header, data uint32 }

func (h *header) salts() salts { return salts{uint32(h.salt >> 32), uint32(h.salt)} }

func (s salts) sumHeader(b []byte, off int64) uint32 {
	return crc32.Update(s.header^uint32(off), castagnoli, b[4:frameSize])
}

func (s salts) sumData(p []byte) uint32 { return crc32.Update(s.data, castagnoli, p) }

// put encodes f, to stand at off, into b and returns its checksum.
func (s salts) put(b []byte, off int64, f frame) uint32 {
	binary.BigEndian.PutUint32(b[4:], uint32(f.kind)<<24)
	binary.BigEndian.PutUint32(b[8:], f.length)
	binary.BigEndian.PutUint32(b[12:], f.data)
	binary.BigEndian.PutUint64(b[16:], uint64(f.zxid))
	binary.BigEndian.PutUint32(b[24:], f.prev)
	binary.BigEndian.PutUint32(b[28:], f.synced)
	sum := s.sumHeader(b, off)
	binary.BigEndian.PutUint32(b, sum)
	return sum
}

// get decodes the frame that stands at off. It returns false if b does not hold
// an intact one.
func (s salts) get(b []byte, off int64) (f frame, sum uint32, ok bool) {
	f = frame{
		kind:   kind(b[4]),
		length: binary.BigEndian.Uint32(b[8:]),
		data:   binary.BigEndian.Uint32(b[12:]),
		zxid:   wire.Zxid(binary.BigEndian.Uint64(b[16:])),
		prev:   binary.BigEndian.Uint32(b[24:]),
		synced: binary.BigEndian.Uint32(b[28:]),
	}
	sum = binary.BigEndian.Uint32(b)
	known := f.kind >= kindRecord && f.kind <= kindEnd && int64(f.synced) <= off
	// The cheap test first: recovery asks this at every possible offset.
	return f, sum, known && sum == s.sumHeader(b, off)
}

// place returns the first offset from off on where a frame may stand.
func place(off int64) int64 {
	off = alignUp(off, 8)
	if off%sectorSize > sectorSize-frameSize {
		return alignUp(off, sectorSize)
	}
	return off
}

func alignUp(n, to int64) int64 { return (n + to - 1) / to * to }

func fileName(first wire.Zxid) string { return filePrefix + strconv.FormatUint(uint64(first), 16) }

// isSegment reports whether name is that of a segment.
func isSegment(name string) bool {
	_, ok := firstZxid(name)
	return ok
}

// firstZxid returns the zxid in a segment's name.
func firstZxid(name string) (wire.Zxid, bool) {
	hex, ok := strings.CutPrefix(name, filePrefix)
	if !ok {
		return 0, false
	}
	z, err := strconv.ParseUint(hex, 16, 63)
	return wire.Zxid(z), err == nil && fileName(wire.Zxid(z)) == name
}

var zeroPage [pageSize]byte

func isZero(b []byte) bool {
	for len(b) > pageSize {
		if !bytes.Equal(b[:pageSize], zeroPage[:]) {
			return false
		}
		b = b[pageSize:]
	}
	return bytes.Equal(b, zeroPage[:len(b)])
}
