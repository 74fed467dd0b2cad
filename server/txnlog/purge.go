package txnlog

import (
	"errors"
	"fmt"

	"github.com/zabra/zabra/wire"
)

// Retention says how much of the log Purge keeps although a checkpoint covers
// it, so that a server that was away can be brought up to date with what it
// missed (DIFF) instead of with everything (SNAP).
type Retention struct {
	// Txns are kept at least; 0 means DefaultRetention.Txns.
	Txns uint64
	// Bytes bound that: segments beyond it go even if fewer than Txns are left;
	// 0 means DefaultRetention.Bytes.
	Bytes int64
}

// DefaultRetention keeps 100,000 transactions: about half a minute of heavy
// writing, the time that a restart of a server takes; with transactions of 200
// bytes that is one segment. Megabyte transactions do not take more than 1 GiB.
var DefaultRetention = Retention{Txns: 100_000, Bytes: 1 << 30}

func (r Retention) withDefaults() Retention {
	if r.Txns == 0 {
		r.Txns = DefaultRetention.Txns
	}
	if r.Bytes == 0 {
		r.Bytes = DefaultRetention.Bytes
	}
	return r
}

// Purge removes the oldest segments as long as all their records are at or below
// covered, the zxid of a durable checkpoint, and keep allows it. The newest
// segment always stays. It may run beside the owner. If a file cannot be removed
// the log stays alive, with that segment; a sync that fails kills it.
func (l *Log) Purge(covered wire.Zxid, keep Retention) error {
	l.files.Lock()
	defer l.files.Unlock()
	keep = keep.withDefaults()
	for {
		s := l.detach(covered, keep)
		if s == nil {
			return nil
		}
		// One after the other, and durably, so that no crash leaves a gap.
		err := l.remove(s.path)
		var failed *syncError
		switch {
		case errors.As(err, &failed):
			return l.die("purge", err)
		case err != nil:
			l.attach(s)
			return fmt.Errorf("txnlog: purge: %w", err)
		}
	}
}

// detach takes the oldest segment from the log if it may go.
func (l *Log) detach(covered wire.Zxid, keep Retention) *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Err() != nil || len(l.segs) < 2 || l.segs[1].hdr.prev > covered {
		return nil
	}
	newest := l.segs[len(l.segs)-1]
	left := newest.hdr.before + newest.end.n - l.segs[1].hdr.before
	var bytes int64
	for _, s := range l.segs {
		bytes += s.hdr.size
	}
	if left < keep.Txns && bytes <= keep.Bytes {
		return nil
	}
	s := l.segs[0]
	l.segs = l.segs[1:]
	return s
}

func (l *Log) attach(s *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segs = append([]*segment{s}, l.segs...)
}
