package simdisk

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/zabra/zabra/internal/sim/vtime"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
)

// ErrCrashed is what every operation returns when the machine has lost power.
var ErrCrashed = errors.New("simdisk: the machine has crashed")

// Speed says how long a disk takes.
type Speed struct {
	Write, Sync time.Duration // about
	StallRate   float64       // of syncs that stall
	Stall       time.Duration // for up to so long
}

// A Disk keeps the files of one server over its crashes. Only one of its lives is
// used at a time.
type Disk struct {
	Speed Speed
	Stats Stats

	rng  *rand.Rand
	fs   *memfs.FS // as the running server sees it
	next *memfs.FS // as it will be found after the crash under way

	crashAfter  int
	onCrash     func()
	failSync    int // this many syncs from now fails; 0 is none
	syncsFailed bool
	full        bool
}

// Stats counts what a disk did.
type Stats struct {
	Changes, Syncs, FailedSyncs, FullWrites, Flips int
}

// New returns an empty disk.
func New(k *vtime.Kernel, name string, s Speed) *Disk {
	return &Disk{Speed: s, rng: k.Rand("disk " + name), fs: memfs.New()}
}

// FS is the file system as a server that starts now uses it.
func (d *Disk) FS() vfs.FS {
	return vfs.Intercept(d.fs, vfs.Hooks{Before: d.before(d.fs)})
}

// before returns the hook of one life of the disk.
func (d *Disk) before(life *memfs.FS) func(vfs.Call) error {
	return func(c vfs.Call) error {
		if d.fs != life || d.next != nil {
			return ErrCrashed
		}
		if !c.Op.Changes() {
			return nil
		}
		d.Stats.Changes++
		if d.crashAfter > 0 {
			if d.crashAfter--; d.crashAfter == 0 {
				d.Crash(false)
				d.onCrash()
				return ErrCrashed
			}
		}
		return d.fault(c)
	}
}

// fault lets an operation fail.
func (d *Disk) fault(c vfs.Call) error {
	switch c.Op {
	case vfs.OpSync, vfs.OpSyncDir:
		d.Stats.Syncs++
		if d.failSync > 0 {
			d.failSync--
			d.syncsFailed = d.failSync == 0
		}
		if d.syncsFailed {
			d.syncsFailed = false
			d.Stats.FailedSyncs++
			return syscall.EIO
		}
	case vfs.OpCreate, vfs.OpPreallocate:
		if d.full {
			d.Stats.FullWrites++
			return syscall.ENOSPC
		}
	case vfs.OpWrite:
		return d.fullWrite(c)
	}
	return nil
}

// fullWrite refuses a write that needs space where there is none.
func (d *Disk) fullWrite(c vfs.Call) error {
	if !d.full {
		return nil
	}
	size, err := c.File.Size()
	if err != nil || c.Off+int64(c.Len) <= size {
		return err
	}
	d.Stats.FullWrites++
	return &vfs.ShortWrite{N: int(max(0, size-c.Off)), Err: syscall.ENOSPC}
}

// Crash lets the machine lose power now, or with kill only its process die. What
// the next life finds is decided here.
func (d *Disk) Crash(kill bool) {
	d.crashAfter, d.failSync = 0, 0
	if d.next != nil {
		return
	}
	if kill {
		d.next = d.fs.KillClone()
		return
	}
	d.next = d.fs.CrashClone(d.rng)
}

// CrashAfter lets the machine lose power at the n-th change from now; down is told.
func (d *Disk) CrashAfter(n int, down func()) { d.crashAfter, d.onCrash = n, down }

// Restart begins the next life of a disk that has crashed.
func (d *Disk) Restart() {
	if d.next != nil {
		d.fs, d.next = d.next, nil
	}
}

// Wipe empties a disk that has crashed: it was replaced.
func (d *Disk) Wipe() { d.next = memfs.New() }

// FailSync lets the n-th sync from now fail, once.
func (d *Disk) FailSync(n int) { d.failSync = n }

// SetFull makes the disk full, or gives it room again.
func (d *Disk) SetFull(full bool) { d.full = full }

// Full reports whether the disk is full.
func (d *Disk) Full() bool { return d.full }

// Latency is how long a write and the sync after it take.
func (d *Disk) Latency() (write, sync time.Duration) {
	s := &d.Speed
	write = d.about(s.Write)
	sync = d.about(s.Sync)
	if s.StallRate > 0 && d.rng.Float64() < s.StallRate {
		sync += time.Duration(d.rng.Int64N(int64(s.Stall) + 1))
	}
	return write, sync
}

// about spreads a time from a half to one and a half of it.
func (d *Disk) about(t time.Duration) time.Duration {
	return t/2 + time.Duration(d.rng.Int64N(int64(t)+1))
}
