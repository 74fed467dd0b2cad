package server

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/admin"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/store"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A checkpointMade is a finished checkpoint.
type checkpointMade struct {
	zxid wire.Zxid
	at   time.Time
}

const (
	// scanStep is how much of the tree is encoded at a time while readers, but
	// no writes, go on: a few hundred microseconds of work at the most.
	scanStep = 32 << 10
	// checkpointGap is the least time between the beginnings of two checkpoints:
	// a busy server then rewrites what changes often once in a while, and a
	// restart still replays no more than that long wrote.
	checkpointGap = 3 * time.Second
	// recordOverhead is about what a node takes in the store beyond path and data.
	recordOverhead = 64
	// storeIdle is how long after a checkpoint the store is closed.
	storeIdle = 5 * time.Second
	// checkpointRetry is the time from a checkpoint that failed, most likely for
	// want of room, to the next try; it doubles up to checkpointRetryMost.
	checkpointRetry     = 15 * time.Second
	checkpointRetryMost = 5 * time.Minute
)

// checkpoints writes a checkpoint whenever one is due, until ctx is done.
func (d *data) checkpoints(ctx context.Context, core *pipeline.Core) {
	idle := time.NewTimer(storeIdle)
	defer idle.Stop()
	var again <-chan time.Time // to try once more what failed
	pause := checkpointRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-idle.C:
			d.closeStore()
			continue
		case <-d.relief:
			d.relieve()
			continue
		case <-d.due:
		case <-again:
		}
		began := time.Now()
		again = nil
		if err := d.checkpoint(ctx, core); err == nil {
			pause = checkpointRetry
		} else if ctx.Err() == nil {
			d.metrics.SnapshotErrors.Inc(0)
			d.zap.Error("no checkpoint was written; the log holds everything", zap.Error(err), zap.Duration("next try in", pause))
			again, pause = time.After(pause), min(2*pause, checkpointRetryMost)
		}
		idle.Reset(storeIdle)
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(began.Add(checkpointGap))):
		}
	}
}

func (d *data) closeStore() {
	d.storing.Lock()
	defer d.storing.Unlock()
	err := d.leaveStore()
	if err == nil && d.room(checkpointRoom+uint64(d.store.Bytes())) == nil {
		err = d.store.Tidy()
	}
	if err != nil {
		d.zap.Error("the store did not close cleanly", zap.Error(err))
	}
	// Badger's memtables were a burst; a server that idles should not keep them.
	debug.FreeOSMemory()
}

// checkpoint writes what changed since the last one, as of now, while the
// server goes on, and then lets go of the log that it covers.
func (d *data) checkpoint(ctx context.Context, core *pipeline.Core) error {
	d.storing.Lock()
	defer d.storing.Unlock()
	began := time.Now()
	if err := d.room(d.storeRoom()); err != nil {
		d.makeRoom()
		return err
	}
	cp, err := d.store.Begin(false)
	if err != nil {
		return err
	}
	var scan *datatree.Scan
	core.Exclusive(func(t *datatree.Tree) {
		if t != d.tree {
			return // it was replaced on disk already, and is about to be here
		}
		for _, keys := range cp.Due() {
			t.Refresh(keys)
		}
		scan = t.Scan(false)
	})
	if scan == nil {
		signal(d.due)
		return cp.Abort()
	}
	defer core.Exclusive(func(*datatree.Tree) { scan.Cancel() })
	if err := d.write(ctx, core, scan, cp); err != nil {
		return err
	}
	var live int64
	core.Exclusive(func(t *datatree.Tree) {
		scan.Done()
		live = t.DataSize() + recordOverhead*int64(t.NodeCount())
	})
	if d.store.Bloated(live) {
		signal(d.due) // goes on, though nothing may change any more
	}
	took := time.Since(began)
	d.last.Store(&checkpointMade{scan.Zxid(), time.Now()})
	d.metrics.SnapshotTime.Observe(0, took)
	d.zap.Info("checkpoint written", zap.Stringer("zxid", scan.Zxid()), zap.Int64("bytes", cp.Bytes()), zap.Duration("took", took))
	return d.log.Purge(scan.Zxid(), d.retention())
}

// write puts the scan's records into the store as one checkpoint.
func (d *data) write(ctx context.Context, core *pipeline.Core, scan *datatree.Scan, cp *store.Checkpoint) error {
	for {
		var recs []datatree.Record
		// Whoever used up its time slice between two steps would lose the
		// processor inside the next one, while every write waits for it.
		runtime.Gosched()
		core.View(func(*datatree.Tree) { recs = scan.Step(scanStep) })
		if recs == nil {
			return cp.Commit()
		}
		err := d.room(d.storeRoom())
		if err == nil {
			err = cp.Put(recs)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			if abort := cp.Abort(); abort != nil {
				d.zap.Warn("an abandoned checkpoint did not close cleanly", zap.Error(abort))
			}
			return err
		}
	}
}

// lastCheckpoint is the last one finished, or the one the server started from.
func (d *data) lastCheckpoint() (admin.Snapshot, bool) {
	c := d.last.Load()
	if c == nil {
		return admin.Snapshot{}, false
	}
	return admin.Snapshot{Zxid: c.zxid, Time: c.at}, true
}
