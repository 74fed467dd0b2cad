package txnlog

import (
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
)

// Bounds and defaults of Options.
const (
	MinSegmentSize     = 16 << 10
	MaxSegmentSize     = 1 << 30
	DefaultSegmentSize = 64 << 20
	DefaultMaxRecord   = 8 << 20
)

// Options say how a log is written. They may differ from one Open to the next.
type Options struct {
	// SegmentSize is the size of new segments in bytes, MinSegmentSize to
	// MaxSegmentSize; 0 means DefaultSegmentSize. A batch that is larger gets a
	// segment of its own size, up to MaxSegmentSize.
	SegmentSize int64
	// MaxRecord is the longest payload that Append takes, in bytes; 0 means
	// DefaultMaxRecord. Longer ones that are in the log already can be read.
	MaxRecord int
	// Background lets the log prepare the next segment in a goroutine of its own
	// while the current one fills. Without it, Append does that when it needs the
	// segment, and the log has no goroutine.
	Background bool
	// Salt makes the salt of each segment; nil means crypto/rand. It must be
	// unpredictable for clients, except in simulations.
	Salt func() uint64
	// Events are told what happens.
	Events Events
}

// Events are callbacks, each of which may be nil. They must not call the log.
type Events struct {
	// Created is called when a segment has got its name.
	Created func(file string)
	// Removed is called when a segment was removed.
	Removed func(file string)
	// PrepareFailed is called when the next segment could not be prepared in the
	// background, normally because the disk is full. The current one is still
	// good. It comes from another goroutine.
	PrepareFailed func(err error)
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentSize == 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	if o.SegmentSize < MinSegmentSize || o.SegmentSize > MaxSegmentSize {
		return o, fmt.Errorf("txnlog: segment size %d is not between %d and %d", o.SegmentSize, MinSegmentSize, MaxSegmentSize)
	}
	if o.MaxRecord == 0 {
		o.MaxRecord = DefaultMaxRecord
	}
	if o.MaxRecord < 0 || o.MaxRecord > MaxSegmentSize/2 {
		return o, fmt.Errorf("txnlog: record limit %d is not between 1 and %d", o.MaxRecord, MaxSegmentSize/2)
	}
	o.SegmentSize = alignUp(o.SegmentSize, pageSize)
	if o.Salt == nil {
		o.Salt = randomSalt
	}
	return o, nil
}

func randomSalt() uint64 {
	var b [8]byte
	_, _ = crand.Read(b[:]) // never fails; see its documentation
	return binary.BigEndian.Uint64(b[:])
}

func call(f func(string), file string) {
	if f != nil {
		f(file)
	}
}
