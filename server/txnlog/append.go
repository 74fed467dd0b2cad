package txnlog

import (
	"slices"

	"github.com/zabra/zabra/wire"
)

// maxIdleBuffer bounds the memory that a log keeps between batches, bytes.
const maxIdleBuffer = 4 << 20

// Append writes recs behind the last record, as one batch with one write. They
// are not durable before Sync returned nil. Each zxid must follow the one before
// (wire.Zxid.Follows). The payloads are not kept.
//
// After an error that wraps ErrNotAppended none of recs is in the log and the log
// is as it was; after any other error it is dead.
func (l *Log) Append(recs []Record) error {
	if err := l.Err(); err != nil {
		return err
	}
	if len(recs) == 0 {
		return nil
	}
	need, err := l.check(recs)
	if err != nil {
		return err
	}
	if l.tail.off+need > l.size {
		if err := l.roll(recs[0].Zxid, need); err != nil {
			return err
		}
	}
	if err := l.nameAfter(recs[0].Zxid); err != nil {
		return err
	}
	l.buf = slices.Grow(l.buf[:0], int(need)+pageSize)
	end := l.encode(recs)
	if _, err := l.file.WriteAt(l.buf, l.tail.off); err != nil {
		return l.die("append", err)
	}
	l.publish(end)
	if cap(l.buf) > maxIdleBuffer {
		l.buf = nil
	}
	if end.off > l.size/4 {
		l.prealloc.start()
	}
	return nil
}

// check refuses what may not be appended and returns how many bytes recs take at
// most, with the frame behind them.
func (l *Log) check(recs []Record) (need int64, err error) {
	last := l.tail.last
	for i := range recs {
		r := &recs[i]
		if !r.Zxid.Follows(last) {
			return 0, &OrderError{r.Zxid, last}
		}
		if len(r.Payload) > l.opts.MaxRecord {
			return 0, &SizeError{r.Zxid, int64(len(r.Payload)), int64(l.opts.MaxRecord)}
		}
		last = r.Zxid
		need += frameRoom + int64(len(r.Payload))
	}
	need += frameRoom
	if limit := int64(MaxSegmentSize - firstFrame - pageSize); need > limit {
		return 0, &SizeError{recs[0].Zxid, need, limit}
	}
	return need, nil
}

// frameRoom is what a frame takes beside its payload: its header, and at most
// what place skips.
const frameRoom = frameSize + 8 + frameSize

// encode fills l.buf with what has to be written at the tail, up to the end of a
// page, and returns the position behind recs.
func (l *Log) encode(recs []Record) position {
	p := l.tail
	b := l.buf[:0]
	l.index = l.index[:0]
	for i := range recs {
		l.noteIndex(p)
		start := int(p.off - l.tail.off)
		b = grown(b, start+frameSize)
		b = append(b, recs[i].Payload...)
		p = position{
			off:  place(l.tail.off + int64(len(b))),
			last: recs[i].Zxid,
			n:    p.n + 1,
			chain: l.salts.put(b[start:], p.off, frame{
				kind:   kindRecord,
				length: uint32(len(recs[i].Payload)),
				data:   l.salts.sumData(recs[i].Payload),
				zxid:   recs[i].Zxid,
				prev:   p.chain,
				synced: uint32(l.synced),
			}),
		}
	}
	page := alignUp(p.off, pageSize)
	l.buf = grown(b, int(min(page, l.size)-l.tail.off))
	return p
}

// grown returns b with zeros appended up to n bytes.
func grown(b []byte, n int) []byte {
	for len(b) < n {
		b = append(b, zeroPage[:min(n-len(b), pageSize)]...)
	}
	return b
}

// noteIndex collects the entries that a batch adds to the index.
func (l *Log) noteIndex(p position) {
	if len(l.index) > 0 {
		l.index = note(l.index, p)
		return
	}
	known := l.cur.index // only the owner changes it
	from := int64(firstFrame)
	if len(known) > 0 {
		from = known[len(known)-1].off
	}
	if p.off-from >= indexStride {
		l.index = append(l.index, p)
	}
}

// publish lets readers see what was written up to end.
func (l *Log) publish(end position) {
	l.tail = end
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cur.end = end
	l.cur.index = append(l.cur.index, l.index...)
}

// nameAfter gives a segment that holds nothing yet the name that its first record
// wants. Segments get their names from the record that made the log roll, but
// after a crash another one may come.
func (l *Log) nameAfter(first wire.Zxid) error {
	if l.tail.off != firstFrame {
		return nil
	}
	path := l.path(fileName(first))
	if l.cur.path == path {
		return nil
	}
	if err := l.fs.Rename(l.cur.path, path); err != nil {
		return l.renamed("rename segment", err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return l.die("rename segment", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cur.path = path
	return nil
}
