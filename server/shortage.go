package server

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/txnlog"
	"go.uber.org/zap"
)

// A shortage is that of room for the next segment of the log. It begins when an
// append fails for it and is over when one succeeds. What the log's goroutine
// learns it tells to the operator; any goroutine may ask how long it has lasted.
type shortage struct {
	fs      vfs.FS
	dir     string
	segment uint64 // size of one, bytes
	zap     *zap.Logger
	metrics *metrics.Metrics

	begins func() // called when one does

	since atomic.Int64 // when it began, nanoseconds of Unix; 0 while there is none
	told  time.Time    // when the log was told of it last
}

// watch makes s that of a server's log.
func (s *shortage) watch(d *data) {
	s.fs, s.dir, s.segment, s.zap, s.metrics = d.fs, d.logDir(), uint64(segmentSize(&d.cfg.Storage)), d.zap, d.metrics
	s.begins = func() { signal(d.relief) }
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// remindEvery is the time between two lines about a disk that is still full.
const remindEvery = time.Minute

// lasted is how long there has been no room, 0 if there is.
func (s *shortage) lasted() time.Duration {
	if at := s.since.Load(); at != 0 {
		return max(time.Since(time.Unix(0, at)), 1)
	}
	return 0
}

// String says what clients notice of it, "" while there is none.
func (s *shortage) String() string {
	if d := s.lasted(); d > 0 {
		return fmt.Sprintf("the disk has been full for %v: writes wait, everything else is served", d.Round(time.Second))
	}
	return ""
}

// worthTrying fails with ENOSPC while there is still no room for a segment and so
// many bytes. To try would take what room there is for a moment, from others who
// can use it. A quota does not show here and is tried.
func (s *shortage) worthTrying(bytes uint64) error {
	if s.since.Load() == 0 {
		return nil
	}
	return s.room(bytes)
}

// room fails with ENOSPC if there is none for a segment and so many bytes.
func (s *shortage) room(bytes uint64) error {
	free, err := s.fs.Free(s.dir)
	if need := max(s.segment, bytes); err == nil && free < need {
		return fmt.Errorf("%s has %d KiB free, and the next segment of the log needs %d KiB: %w: %w",
			s.dir, free>>10, need>>10, txnlog.ErrNotAppended, syscall.ENOSPC)
	}
	return nil
}

// goesOn tells that there is no room, when that begins and now and then.
func (s *shortage) goesOn(err error) {
	now := time.Now()
	switch {
	case s.since.Load() == 0:
		s.since.Store(now.UnixNano())
		s.metrics.LogFull.Inc(0)
		s.zap.Error("the disk is full: writes wait, everything else is served; make room, and they go on by themselves",
			zap.String("dir", s.dir), zap.Error(err))
		s.begins()
	case now.Sub(s.told) >= remindEvery:
		s.zap.Error("the disk is still full, and writes wait", zap.String("dir", s.dir),
			zap.Duration("for", s.lasted().Round(time.Second)), zap.Error(err))
	default:
		return
	}
	s.told = now
}

// over tells that there is room again.
func (s *shortage) over() {
	if s.since.Load() == 0 {
		return
	}
	s.zap.Info("there is room on the disk again, and writes go on", zap.Duration("after", s.lasted().Round(time.Millisecond)))
	s.since.Store(0)
}

// least keeps no more of the log than a restart needs: followers that were away get
// the whole tree instead of what they missed, but this server can go on.
var least = txnlog.Retention{Txns: 1, Bytes: 1}

// retention is how much of the log is kept that a checkpoint covers.
func (d *data) retention() txnlog.Retention {
	if d.shortage.lasted() > 0 || d.hasDamage() {
		return least
	}
	return txnlog.DefaultRetention
}

// relieve gives the log's volume what room can be given without a loss: the
// segments that the last checkpoint covers. It asks for another checkpoint, which
// may be possible, on another volume.
func (d *data) relieve() {
	d.makeRoom()
	signal(d.due)
	c := d.last.Load()
	if c == nil {
		return
	}
	if err := d.log.Purge(c.zxid, least); err != nil {
		d.zap.Warn("old segments of the log were not removed", zap.Error(err))
	}
}

// lacksRoom lets an error of vfs.WriteFileAtomic wrap pipeline.ErrNoSpace if all that is
// wrong is a lack of room: the file is as it was, and nobody was told of what it was to be.
func lacksRoom(err error) error {
	if errors.Is(err, vfs.ErrUnchanged) && txnlog.NoSpace(err) {
		return fmt.Errorf("%w: %w", pipeline.ErrNoSpace, err)
	}
	return err
}

// waits tells of a member that cannot join an epoch for want of room, when that begins
// and now and then, and when it is over. It is called on the log's goroutine, with what
// became of a write that joining takes.
func (d *data) waits(err error) {
	switch now := time.Now(); {
	case err == nil && !d.hindered.IsZero():
		d.hindered = time.Time{}
		d.zap.Info("there is room on the disk again, and this server joins the others")
	case errors.Is(err, pipeline.ErrNoSpace) && now.Sub(d.hindered) >= remindEvery:
		d.hindered = now
		d.zap.Error("the disk is full: this server follows nobody, leads nobody, and serves nobody; make room, and it goes on by itself",
			zap.String("dir", d.cfg.DataDir), zap.Error(err))
	}
}
