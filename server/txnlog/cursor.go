package txnlog

import (
	"fmt"
	"io"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// readSize is how much a cursor reads at a time, bytes.
const readSize = 256 << 10

// position is a place between two records.
type position struct {
	off   int64     // where the next frame stands
	last  wire.Zxid // of the record before
	chain uint32    // its checksum
	n     uint64    // records of the segment before
}

func (h *header) begin() position { return position{off: firstFrame, last: h.prev, chain: h.chain} }

// stop says why a cursor found no further record.
type stop uint8

const (
	stopNone    stop = iota
	stopZeros        // nothing was written there
	stopMark         // a mark or the end of what the cursor may see
	stopCut          // a cut
	stopEnd          // the log goes on in the next segment
	stopDamaged      // see reason
)

// A cursor follows the records of one segment and checks everything about them.
type cursor struct {
	position
	f      vfs.File
	hdr    header
	salts  salts
	limit  int64 // frames at or behind it are not looked at
	stop   stop
	reason string // of stopDamaged

	buf   []byte // bytes of the file from bufAt on
	bufAt int64
}

func newCursor(f vfs.File, h header, at position, limit int64) *cursor {
	return &cursor{position: at, f: f, hdr: h, salts: h.salts(), limit: limit}
}

// next returns the next record; the payload is valid until the call after. It
// returns io.EOF when it stops, and stop says why; any other error is the disk's.
func (c *cursor) next() (frame, []byte, error) {
	if c.off+frameSize > c.limit {
		return c.halt(stopMark, "")
	}
	head, err := c.bytes(c.off, frameSize)
	if err != nil {
		return frame{}, nil, err
	}
	f, sum, ok := c.salts.get(head, c.off)
	switch {
	case !ok && isZero(head):
		return c.halt(stopZeros, "")
	case !ok:
		return c.halt(stopDamaged, "bad checksum of a record header")
	case f.prev != c.chain:
		return c.halt(stopDamaged, fmt.Sprintf("a record that does not belong behind %v", c.last))
	case f.kind != kindRecord:
		return c.special(f)
	case !f.zxid.Follows(c.last):
		return c.halt(stopDamaged, fmt.Sprintf("record %v, which does not follow %v", f.zxid, c.last))
	}
	end := c.off + frameSize + int64(f.length)
	if end > c.limit || place(end)+frameSize > c.hdr.size {
		return c.halt(stopDamaged, fmt.Sprintf("record %v of %d bytes, which do not fit", f.zxid, f.length))
	}
	all, err := c.bytes(c.off, int(end-c.off))
	if err != nil {
		return frame{}, nil, err
	}
	payload := all[frameSize:]
	if c.salts.sumData(payload) != f.data {
		return c.halt(stopDamaged, fmt.Sprintf("bad checksum of record %v", f.zxid))
	}
	c.position = position{place(end), f.zxid, sum, c.n + 1}
	return f, payload, nil
}

func (c *cursor) halt(s stop, reason string) (frame, []byte, error) {
	c.stop, c.reason = s, reason
	return frame{}, nil, io.EOF
}

// special handles an intact frame that is no record.
func (c *cursor) special(f frame) (frame, []byte, error) {
	switch {
	case f.zxid != c.last || f.length != 0:
		return c.halt(stopDamaged, fmt.Sprintf("a mark for %v behind %v", f.zxid, c.last))
	case f.kind == kindCut:
		return c.halt(stopCut, "")
	case f.kind == kindEnd:
		return c.halt(stopEnd, "")
	}
	return c.halt(stopMark, "")
}

// bytes returns n bytes of the file at off, valid until the next call. The
// caller has checked that they are in front of the limit, so that no more memory
// is taken than the file is long.
func (c *cursor) bytes(off int64, n int) ([]byte, error) {
	if in := off - c.bufAt; in >= 0 && in+int64(n) <= int64(len(c.buf)) {
		return c.buf[in : in+int64(n)], nil
	}
	size := int(min(max(int64(n), readSize), c.limit-off))
	if cap(c.buf) < size {
		c.buf = make([]byte, size)
	}
	c.buf, c.bufAt = c.buf[:size], off
	got, err := c.f.ReadAt(c.buf, off)
	c.buf = c.buf[:got]
	if got >= n {
		return c.buf[:n], nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, fmt.Errorf("txnlog: read: %w", err)
}
