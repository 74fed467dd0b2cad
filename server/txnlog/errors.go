package txnlog

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/zabra/zabra/wire"
)

var (
	// ErrNotAppended is wrapped in an error of Append or Reset after which the log
	// is as it was and can be used: the records were refused, or there is no
	// space for the next segment or its name. Every other error of a writing call
	// is final.
	ErrNotAppended = errors.New("nothing was written")
	// ErrClosed is returned by calls after Close.
	ErrClosed = errors.New("txnlog: the log is closed")
	// ErrRewritten is returned by a Reader whose log was truncated or reset since
	// it was made.
	ErrRewritten = errors.New("txnlog: the log was truncated while it was read")
)

// NoSpace reports whether a call failed because the volume is full, or the quota
// on it used up.
func NoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// renamed returns the error of a rename of the log's. One that found no space for
// the name in the directory has changed nothing, which POSIX promises of every
// error but EIO.
func (l *Log) renamed(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case NoSpace(err):
		return fmt.Errorf("txnlog: %s: %w: %w", op, ErrNotAppended, err)
	}
	return l.die(op, err)
}

// A CorruptError reports that something that was durable is damaged or missing.
// The log does not go on without it; it changed nothing.
type CorruptError struct {
	File   string    // path
	Offset int64     // in the file, where the first damage was met
	After  wire.Zxid // the last transaction before it that is intact
	Reason string    // what is wrong
	Remedy string    // what an operator can do
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("txnlog: %s: %s at offset %d, after transaction %v; %s",
		e.File, e.Reason, e.Offset, e.After, e.Remedy)
}

// Damage reports whether the file is one of this version's, so that what is wrong with
// it is damage.
func (e *CorruptError) Damage() bool { return e.Remedy == remedyDamage }

const (
	remedyDamage = "this was acknowledged and is not dropped: if other servers of the ensemble are healthy, " +
		"move this server's data aside and start it empty, so that it copies theirs; otherwise restore a backup"
	remedyZooKeeper = "import it into a new directory, or point dataLogDir elsewhere"
	remedyVersion   = "run the version of Zabra that wrote it"
)

// A GoneError is returned for a zxid before the beginning of the log.
type GoneError struct {
	Zxid wire.Zxid // asked for
	Base wire.Zxid // the oldest that would have done
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("txnlog: the log begins after %v, so it cannot be read from %v", e.Base, e.Zxid)
}

// An OrderError refuses a record that may not follow the last one.
type OrderError struct{ Zxid, Last wire.Zxid }

func (e *OrderError) Error() string {
	return fmt.Sprintf("txnlog: append %v: it does not follow %v", e.Zxid, e.Last)
}

// Unwrap returns ErrNotAppended.
func (e *OrderError) Unwrap() error { return ErrNotAppended }

// A SizeError refuses a record, or a batch, that is too large.
type SizeError struct {
	Zxid        wire.Zxid // of the record, or the first of the batch
	Size, Limit int64     // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("txnlog: append %v: %d bytes, more than %d", e.Zxid, e.Size, e.Limit)
}

// Unwrap returns ErrNotAppended.
func (e *SizeError) Unwrap() error { return ErrNotAppended }
