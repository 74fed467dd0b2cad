package datatree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/zabra/zabra/wire"
)

// A Record is one entry of a checkpoint: under Key stands Value, or nothing
// any more if Value is nil. The package comment holds the layout.
type Record struct {
	Key, Value []byte
}

// First bytes of the keys.
const (
	metaKey    = 'm'
	nodeKey    = 'n'
	sessionKey = 's'
)

const recordVersion = 1

// Bits of a node record's first byte.
const (
	flagStat   = 1 << iota // stat fields beyond czxid and ctime follow
	flagACL                // a list follows; without it the list is open
	flagNull               // data is null
	flagsKnown = flagStat | flagACL | flagNull
)

// ErrCorrupt is what every error about a checkpoint's or snapshot's content
// wraps.
var ErrCorrupt = errors.New("corrupt")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("datatree: "+format+": %w", append(args, ErrCorrupt)...)
}

func appendNodeKey(b []byte, slot uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, nodeKey), slot)
}

func appendSessionKey(b []byte, id wire.SessionID) []byte {
	return binary.BigEndian.AppendUint64(append(b, sessionKey), uint64(id))
}

// appendNode appends the record of a node.
func (t *Tree) appendNode(b []byte, slot uint32) []byte {
	n := t.nodes.at(slot)
	name, data := t.split(n)
	var flags byte
	if n.ext != 0 {
		flags |= flagStat
	}
	if n.acl != openACL {
		flags |= flagACL
	}
	if data == nil {
		flags |= flagNull
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(n.parent))
	b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	b = wire.AppendLong(wire.AppendLong(b, n.czxid), n.ctime)
	if n.ext != 0 {
		b = t.exts.at(n.ext).appendTo(b)
	}
	if n.acl != openACL {
		key := t.acls.entries[n.acl].key
		b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	}
	return append(b, data...)
}

const extSize = 44

func (e *ext) appendTo(b []byte) []byte {
	for _, v := range [...]int64{e.mzxid, e.mtime, e.pzxid, e.owner} {
		b = wire.AppendLong(b, v)
	}
	for _, v := range [...]int32{e.version, e.cversion, e.aversion} {
		b = wire.AppendInt(b, v)
	}
	return b
}

func (e *ext) decode(b []byte) {
	be := binary.BigEndian
	e.mzxid, e.mtime = int64(be.Uint64(b)), int64(be.Uint64(b[8:]))
	e.pzxid, e.owner = int64(be.Uint64(b[16:])), int64(be.Uint64(b[24:]))
	e.version, e.cversion = int32(be.Uint32(b[32:])), int32(be.Uint32(b[36:]))
	e.aversion = int32(be.Uint32(b[40:]))
}

// A nodeRecord is a decoded node record. It aliases the encoding.
type nodeRecord struct {
	parent       uint32
	name         string
	czxid, ctime int64
	stat         []byte // an ext, nil for none
	acl          []byte // the list's encoding, nil for the open list
	data         []byte
}

var errShort = errors.New("record is cut short")

func (r *nodeRecord) decode(b []byte) error {
	if len(b) == 0 {
		return errShort
	}
	flags := b[0]
	if flags&^flagsKnown != 0 {
		return fmt.Errorf("unknown flags %#x", flags)
	}
	parent, b, ok := cutUvarint(b[1:])
	if !ok || parent == 0 || parent >= maxSlots {
		return errors.New("bad parent")
	}
	r.parent = uint32(parent)
	name, b, ok := cutBytes(b)
	if !ok || len(b) < 16 {
		return errShort
	}
	r.name = unsafe.String(unsafe.SliceData(name), len(name))
	if strings.IndexByte(r.name, '/') >= 0 {
		return errors.New("bad name")
	}
	r.czxid = int64(binary.BigEndian.Uint64(b))
	r.ctime = int64(binary.BigEndian.Uint64(b[8:]))
	return r.decodeRest(flags, b[16:])
}

func (r *nodeRecord) decodeRest(flags byte, b []byte) error {
	r.stat, r.acl = nil, nil
	if flags&flagStat != 0 {
		if len(b) < extSize {
			return errShort
		}
		r.stat, b = b[:extSize], b[extSize:]
	}
	if flags&flagACL != 0 {
		var ok bool
		if r.acl, b, ok = cutBytes(b); !ok {
			return errShort
		}
	}
	r.data = b
	if flags&flagNull != 0 {
		if len(b) != 0 {
			return errors.New("null data is not empty")
		}
		r.data = nil
	}
	return nil
}

func cutUvarint(b []byte) (uint64, []byte, bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

func cutBytes(b []byte) (head, tail []byte, ok bool) {
	n, b, ok := cutUvarint(b)
	if !ok || n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

// A meta is the record that makes a checkpoint complete.
type meta struct {
	zxid   wire.Zxid
	digest uint64
	nodes  uint64
}

const metaSize = 1 + 3*8

func (m meta) appendTo(b []byte) []byte {
	b = append(b, recordVersion)
	b = wire.AppendLong(b, int64(m.zxid))
	b = binary.BigEndian.AppendUint64(b, m.digest)
	return binary.BigEndian.AppendUint64(b, m.nodes)
}

func decodeMeta(b []byte) (meta, error) {
	if len(b) > 0 && b[0] != recordVersion {
		return meta{}, fmt.Errorf("datatree: checkpoint has format %d, this version reads %d", b[0], recordVersion)
	}
	if len(b) != metaSize {
		return meta{}, corrupt("checkpoint: meta record has %d bytes", len(b))
	}
	be := binary.BigEndian
	return meta{wire.Zxid(be.Uint64(b[1:])), be.Uint64(b[9:]), be.Uint64(b[17:])}, nil
}
