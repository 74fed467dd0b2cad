package store

import (
	"encoding/binary"
	"fmt"
)

// headKey is the key of the head: what says which checkpoint is the last complete
// one. No blob's key begins like it.
var headKey = []byte{'C'}

// format is that of the store. Format 1 had a Badger entry for each record and a
// head of eight bytes.
const format = 2

// A head is the value of headKey.
type head struct {
	number uint64 // of the last complete checkpoint
	totals totals // of the blobs that it consists of
	meta   []byte // datatree's meta record
}

const headFixed = 1 + 3*8

func (h *head) encode() []byte {
	b := []byte{format}
	b = binary.BigEndian.AppendUint64(b, h.number)
	b = binary.BigEndian.AppendUint64(b, h.totals.blobs)
	b = binary.BigEndian.AppendUint64(b, h.totals.bytes)
	b = append(b, h.meta...)
	return binary.BigEndian.AppendUint32(b, checksum(headKey, b))
}

func decodeHead(b []byte) (head, error) {
	switch {
	case len(b) == 8:
		return head{}, &FormatError{Found: 1}
	case len(b) > 0 && b[0] != format:
		return head{}, &FormatError{Found: int(b[0])}
	case len(b) < headFixed+4:
		return head{}, corrupt("the head of the checkpoint has %d bytes", len(b))
	}
	end := len(b) - 4
	if binary.BigEndian.Uint32(b[end:]) != checksum(headKey, b[:end]) {
		return head{}, corrupt("bad checksum of the head of the checkpoint")
	}
	be := binary.BigEndian
	return head{
		number: be.Uint64(b[1:]),
		totals: totals{be.Uint64(b[9:]), be.Uint64(b[17:])},
		meta:   append([]byte(nil), b[headFixed:end]...),
	}, nil
}

// A FormatError says that another version of Zabra wrote a store. Nothing in it
// has been changed.
type FormatError struct {
	Dir   string
	Found int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("store: %s: the checkpoint has format %d and this version of Zabra reads format %d", e.Dir, e.Found, format)
}
