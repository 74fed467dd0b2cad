package txnlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/internal/vfs/slowfs"
	"github.com/zabra/zabra/wire"
)

// script appends and syncs batches, with some other calls in between, until one
// of them fails. It keeps h up to date.
func script(l *Log, batches int, h *history) error {
	for i := range batches {
		recs := run(h.last(), 1+i%3, 50+i%7*60)
		h.recs = append(h.recs, recs...)
		if err := l.Append(recs); err != nil {
			return err
		}
		if err := l.Sync(); err != nil {
			return err
		}
		h.durable = len(h.recs)
		if err := interlude(l, i, h); err != nil {
			return err
		}
	}
	return nil
}

func interlude(l *Log, i int, h *history) error {
	switch i % 100 {
	case 30:
		return l.Settle()
	case 60:
		h.durable -= 3
		if err := l.Truncate(h.recs[h.durable-1].Zxid); err != nil {
			return err
		}
		h.recs = h.recs[:h.durable:h.durable]
	case 90:
		return l.Purge(h.recs[h.durable/2].Zxid, Retention{Txns: 1})
	}
	return nil
}

// failing runs the script on a disk on which one operation fails. It returns
// false if the run was too short for that.
func failing(t *testing.T, rule faultfs.Rule, batches int) bool {
	disk := memfs.New()
	changes := 0
	counted := vfs.Intercept(disk, vfs.Hooks{Before: func(c vfs.Call) error {
		if c.Op.Changes() {
			changes++
		}
		return nil
	}})
	fsys := faultfs.New(counted)
	fsys.Fail(rule)
	h := &history{}
	l, err := Open(fsys, dir, small())
	if err == nil {
		err = script(l, batches, h)
	}
	if err == nil {
		return false
	}
	if !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v %d fails with %v", rule.Op, rule.Nth, err)
	}
	covered := wire.Zxid(1 << 40)
	mayLive := errors.Is(err, ErrNotAppended) && rule.Op != vfs.OpSync && rule.Op != vfs.OpSyncDir
	readOnly := rule.Op == vfs.OpOpen || rule.Op == vfs.OpRead || rule.Op == vfs.OpRemove // may be a purge or a lookup
	if l != nil && l.Err() == nil && !mayLive && !readOnly {
		t.Fatalf("%v %d failed with %v, and the log is alive", rule.Op, rule.Nth, err)
	}
	if l != nil && l.Err() != nil {
		changes = 0
		wantDead(t, l, h)
		if changes != 0 {
			t.Fatalf("%v %d: a dead log changed the disk %d times", rule.Op, rule.Nth, changes)
		}
	}
	clone := disk.CrashClone(rand.New(rand.NewPCG(uint64(rule.Nth), 0)))
	wantHistory(t, clone, *h, covered, fmt.Sprintf("%v %d failed", rule.Op, rule.Nth))
	return true
}

// wantDead checks that a log whose error is sticky does not come back.
func wantDead(t *testing.T, l *Log, h *history) {
	t.Helper()
	dead := l.Err()
	for _, err := range []error{
		l.Append(run(l.Last(), 1, 10)), l.Sync(), l.Settle(), l.Truncate(h.base), l.Reset(5), l.Sync(),
	} {
		if !errors.Is(err, dead) {
			t.Fatalf("a dead log answers %v, not %v", err, dead)
		}
	}
	ok(t, l.Purge(h.last(), Retention{Txns: 1}), l.Close())
}

func wantHistory(t *testing.T, fsys vfs.FS, h history, covered wire.Zxid, when string) {
	t.Helper()
	l, err := Open(fsys, dir, small())
	if err != nil {
		t.Fatalf("%s: refused to start: %v", when, err)
	}
	got, err := readAll(l, l.Base())
	if err == nil {
		err = h.allows(l.Base(), got, covered)
	}
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	ok(t, l.Close())
}

func TestFailingSyncStopsTheLog(t *testing.T) {
	t.Parallel()
	for n := range 500 {
		if !failing(t, faultfs.Rule{Op: vfs.OpSync, Nth: n, Err: syscall.EIO}, 600) {
			t.Fatalf("the run has only %d syncs", n)
		}
	}
}

func TestEveryOtherFailure(t *testing.T) {
	t.Parallel()
	for _, op := range []vfs.Op{
		vfs.OpSyncDir, vfs.OpRename, vfs.OpCreate, vfs.OpRemove, vfs.OpOpenReadWrite, vfs.OpPreallocate, vfs.OpMkdirAll, vfs.OpOpen, vfs.OpRead,
	} {
		n := 0
		for failing(t, faultfs.Rule{Op: op, Nth: n, Err: syscall.EIO}, 200) {
			n++
		}
		if n == 0 {
			t.Errorf("the run has no %v", op)
		}
	}
}

func TestNoSpaceAtEveryWrite(t *testing.T) {
	t.Parallel()
	short := func(n int) error { return &vfs.ShortWrite{N: n, Err: syscall.ENOSPC} }
	n := 0
	for n < 1000 && failing(t, faultfs.Rule{Op: vfs.OpWrite, Nth: n, Err: short(n * 97 % 700)}, 200) {
		n++
	}
	if n < 200 {
		t.Errorf("the run has only %d writes", n)
	}
}

// On a full disk the log refuses a batch that needs a new segment, goes on being
// read, and takes the batch when there is space again.
func TestFullDiskIsNotTheEnd(t *testing.T) {
	for budget := int64(40 << 10); budget < 60<<10; budget += 1000 {
		disk := memfs.New()
		fsys := faultfs.New(disk)
		l := open(t, fsys, small())
		fsys.LimitSpace(budget, syscall.ENOSPC)
		h := &history{}
		err := script(l, 1000, h)
		if !errors.Is(err, ErrNotAppended) || !errors.Is(err, syscall.ENOSPC) || l.Err() != nil {
			t.Fatalf("budget %d: %v; log %v", budget, err, l.Err())
		}
		refused := h.recs[h.durable:]
		h.recs = h.recs[:h.durable]
		got, err := readAll(l, l.Base())
		ok(t, err, h.allows(l.Base(), got, 1<<40))
		ok(t, l.Truncate(h.recs[len(h.recs)-2].Zxid)) // needs no space
		h.recs, h.durable = h.recs[:len(h.recs)-1], len(h.recs)-1
		wantHistory(t, disk.CrashClone(rand.New(rand.NewPCG(1, 1))), *h, 1<<40, "full disk")
		fsys.Heal()
		again := append(run(h.last(), 1, 9), refused...)
		appendSynced(t, l, again)
		h.recs = append(h.recs, again...)
		h.durable = len(h.recs)
		wantHistory(t, disk.CrashClone(rand.New(rand.NewPCG(2, 1))), *h, 1<<40, "healed")
	}
}

// A directory without space for one more name refuses the batch too, at any rename,
// and the same batch is taken later.
func TestNoSpaceForAName(t *testing.T) {
	for nth := range 3 {
		disk := memfs.New()
		fsys := faultfs.New(disk)
		h := &history{}
		fsys.Fail(faultfs.Rule{Op: vfs.OpRename, Nth: nth + 1, Err: syscall.EDQUOT}) // the first is Open's
		l := open(t, fsys, small())
		err := script(l, 1000, h)
		if !errors.Is(err, ErrNotAppended) || !NoSpace(err) || l.Err() != nil {
			t.Fatalf("rename %d: %v; log %v", nth, err, l.Err())
		}
		wantHistory(t, disk.CrashClone(rand.New(rand.NewPCG(uint64(nth), 1))), *h, 1<<40, "no name")
		appendSynced(t, l, h.recs[h.durable:])
		h.durable = len(h.recs)
		wantHistory(t, disk.CrashClone(rand.New(rand.NewPCG(uint64(nth), 2))), *h, 1<<40, "name found")
	}
}

// While a sync stalls, the log can be read and asked.
func TestStallingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stall := time.Duration(0)
		fsys := slowfs.New(memfs.New(), func(c vfs.Call) time.Duration {
			if c.Op == vfs.OpSync {
				return stall
			}
			return 0
		})
		l := open(t, fsys, small())
		recs := run(0, 3, 100)
		ok(t, l.Append(recs))
		stall = 10 * time.Second
		start, done := time.Now(), make(chan error)
		go func() { done <- l.Sync() }()
		synctest.Wait()
		got, err := readAll(l, 0)
		ok(t, err)
		wantRecords(t, got, recs)
		if time.Since(start) != 0 || l.Last() != 3 {
			t.Errorf("a reader waited %v for the sync", time.Since(start))
		}
		ok(t, <-done)
		if time.Since(start) != stall {
			t.Errorf("Sync returned after %v although the disk takes %v", time.Since(start), stall)
		}
		stall = 0
		ok(t, l.Close())
	})
}
