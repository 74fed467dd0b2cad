package txnlog

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/wire"
)

var (
	recoveries = flag.Int("recoveries", 4000, "how many crashes TestCrashAtEveryChange recovers from")
	crashSeed  = flag.Uint64("crashseed", 1, "first seed of TestCrashAtEveryChange")
)

// A history is what a log may hold after a crash: a prefix of recs that has at
// least the first durable ones.
type history struct {
	base    wire.Zxid // before recs[0]
	recs    []Record
	durable int
}

func (h history) last() wire.Zxid {
	if len(h.recs) == 0 {
		return h.base
	}
	return h.recs[len(h.recs)-1].Zxid
}

// upTo returns how many records are not above z.
func (h history) upTo(z wire.Zxid) int {
	n, _ := slices.BinarySearchFunc(h.recs, z+1, func(r Record, z wire.Zxid) int { return int(r.Zxid - z) })
	return n
}

// allows checks what a log returned that begins after base.
func (h history) allows(base wire.Zxid, got []Record, covered wire.Zxid) error {
	from := h.upTo(base)
	switch {
	case base < h.base || base > max(covered, h.base):
		return fmt.Errorf("begins after %v; nothing above %v may be purged", base, covered)
	case from+len(got) < h.durable:
		return fmt.Errorf("lost: %d of %d durable records are left", from+len(got), h.durable)
	case from+len(got) > len(h.recs):
		return fmt.Errorf("%d records, more than the %d appended", from+len(got), len(h.recs))
	}
	return sameRecords(got, h.recs[from:from+len(got)])
}

// A world runs a log and knows at any moment what a crash may leave of it.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	disk    *memfs.FS
	log     *Log
	now     history
	other   *history // what may be there instead, while a Reset runs
	covered wire.Zxid
	crashes int
	limit   int
	clones  int // per change
}

func newWorld(t *testing.T, seed uint64, limit, clones int) *world {
	return &world{t: t, rng: rand.New(rand.NewPCG(seed, 99)), disk: memfs.New(), limit: limit, clones: clones}
}

// hooked returns the disk with a crash after every change.
func (w *world) hooked() vfs.FS {
	return vfs.Intercept(w.disk, vfs.Hooks{After: func(c vfs.Call, _ error) {
		for range w.clones {
			if c.Op.Changes() && w.crashes < w.limit {
				w.crashes++
				w.crash(w.disk, 2, fmt.Sprintf("%v %s", c.Op, c.Path))
			}
		}
	}})
}

// crash recovers from a crash of disk, mostly of the machine and sometimes only
// of the process, and checks what is left. During the recovery it may crash
// again, depth times.
func (w *world) crash(disk *memfs.FS, depth int, when string) {
	clone := disk.CrashClone(w.rng)
	if w.rng.IntN(5) == 0 {
		clone = disk.KillClone()
		when += " (killed)"
	}
	hooked := vfs.Intercept(clone, vfs.Hooks{After: func(c vfs.Call, _ error) {
		if depth > 0 && c.Op.Changes() && w.rng.IntN(20) == 0 {
			w.crash(clone, depth-1, when+", and in recovery "+c.Op.String())
		}
	}})
	l, err := Open(hooked, dir, w.options())
	if err != nil {
		w.t.Fatalf("crash after %s: refused to start: %v", when, err)
	}
	got, err := w.judge(l)
	if err != nil {
		w.t.Fatalf("crash after %s: %v", when, err)
	}
	depth = 0 // what goOn appends is not in the history
	if w.rng.IntN(4) == 0 {
		w.goOn(clone, l, got, when)
	}
}

// judge checks the content of a recovered log.
func (w *world) judge(l *Log) ([]Record, error) {
	got, err := readAll(l, l.Base())
	if err != nil {
		return nil, err
	}
	err = w.now.allows(l.Base(), got, w.covered)
	if err != nil && w.other != nil {
		err = errors.Join(err, w.other.allows(l.Base(), got, w.covered))
		if w.other.allows(l.Base(), got, w.covered) == nil {
			err = nil
		}
	}
	return got, err
}

// goOn checks that a recovered log works, and that what it returned is durable.
func (w *world) goOn(disk *memfs.FS, l *Log, got []Record, when string) {
	base := l.Base()
	if err := l.Append(run(l.Last(), 1+w.rng.IntN(3), w.rng.IntN(3000))); err != nil {
		w.t.Fatalf("after recovery from a crash after %s: %v", when, err)
	}
	again, err := Open(disk.CrashClone(w.rng), dir, w.options())
	if err != nil {
		w.t.Fatalf("second crash, after %s: %v", when, err)
	}
	left, err := readAll(again, base)
	if err != nil || len(left) < len(got) {
		w.t.Fatalf("second crash, after %s: %d records of %d recovered ones are left (%v)", when, len(left), len(got), err)
	}
	if err := sameRecords(left[:len(got)], got); err != nil {
		w.t.Fatalf("second crash, after %s: %v", when, err)
	}
}

func (w *world) options() Options {
	return Options{SegmentSize: MinSegmentSize, Salt: w.rng.Uint64}
}

// step does one random thing to the log.
func (w *world) step() {
	switch n := w.rng.IntN(100); {
	case n < 50:
		w.append()
	case n < 80:
		w.check(w.log.Sync())
		w.now.durable = len(w.now.recs)
	case n < 86:
		w.check(w.log.Settle())
		w.now.durable = len(w.now.recs)
	case n < 91:
		w.truncate()
	case n < 92:
		w.reset()
	case n < 96:
		w.purge()
	default:
		w.reopen()
	}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) append() {
	z := w.now.last()
	recs := make([]Record, 1+w.rng.IntN(6))
	for i := range recs {
		z++
		if w.rng.IntN(20) == 0 {
			z = wire.MakeZxid(z.Epoch()+wire.Epoch(1+w.rng.IntN(2)), 1)
		}
		recs[i] = Record{z, payload(z, w.size())}
	}
	w.now.recs = append(w.now.recs, recs...)
	w.check(w.log.Append(recs))
}

func (w *world) size() int {
	switch w.rng.IntN(30) {
	case 0:
		return w.rng.IntN(9000)
	case 1:
		return 0
	}
	return w.rng.IntN(400)
}

func (w *world) truncate() {
	n := len(w.now.recs)
	keep := w.now.base
	if n > 0 {
		keep = w.now.recs[max(0, n-1-w.rng.IntN(60))].Zxid
	}
	keep = max(keep-wire.Zxid(w.rng.IntN(2)), w.log.Base())
	kept := w.now.upTo(keep)
	w.now.durable = min(w.now.durable, kept)
	w.check(w.log.Truncate(keep))
	w.now.recs = w.now.recs[:kept:kept]
	w.now.durable = kept
	if w.log.Last() != w.now.last() {
		w.t.Fatalf("truncated to %v, last is %v, want %v", keep, w.log.Last(), w.now.last())
	}
}

func (w *world) reset() {
	z := w.now.last() + wire.Zxid(w.rng.IntN(50)) // forwards, or back within the epoch
	if z.Counter() > 100 || w.rng.IntN(2) == 0 {
		z = wire.MakeZxid(z.Epoch(), z.Counter()/2)
	}
	w.other = &history{base: z}
	w.check(w.log.Reset(z))
	w.now, w.other, w.covered = *w.other, nil, z
}

func (w *world) purge() {
	if n := w.now.durable; n > 0 {
		w.covered = max(w.covered, w.now.recs[w.rng.IntN(n)].Zxid)
	}
	w.check(w.log.Purge(w.covered, Retention{Txns: 1 + uint64(w.rng.IntN(100))}))
}

func (w *world) reopen() {
	if w.log != nil {
		if w.rng.IntN(2) == 0 {
			w.check(w.log.Close())
		} else { // as if the process had died
			w.check(w.log.closeFiles())
		}
	}
	var err error
	if w.log, err = Open(w.hooked(), dir, w.options()); err != nil {
		w.t.Fatal(err)
	}
	w.now.durable = len(w.now.recs)
	if _, err := w.judge(w.log); err != nil {
		w.t.Fatalf("reopened: %v", err)
	}
}

// TestCrashAtEveryChange runs 500 random operations and recovers from a crash
// after each change on the disk, in several versions, until it has done as many
// as -recoveries says. A failing seed is repeated with -crashseed.
func TestCrashAtEveryChange(t *testing.T) {
	t.Parallel()
	total, clones := 0, 1
	if *recoveries > 20000 {
		clones = 16
	}
	for seed := *crashSeed; total < *recoveries; seed++ {
		w := newWorld(t, seed, *recoveries-total, clones)
		ok := t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w.t = t
			w.reopen()
			for range 500 {
				w.step()
			}
			w.check(w.log.Close())
		})
		total += w.crashes
		if !ok {
			return
		}
	}
	t.Logf("recovered from %d crashes", total)
}

// TestKilledThenPowerFails takes each of the calls that change files, kills the
// process after each change it makes, and lets the power fail after each change
// of the recovery that follows.
func TestKilledThenPowerFails(t *testing.T) {
	t.Parallel()
	calls := map[string]func(*world){
		"reset":    (*world).reset,
		"truncate": (*world).truncate,
		"append": func(w *world) { // rolls
			recs := run(w.now.last(), 9, 1900)
			w.now.recs = append(w.now.recs, recs...)
			w.check(w.log.Append(recs))
		},
		"purge": func(w *world) { w.covered = w.now.last(); w.check(w.log.Purge(w.covered, Retention{Txns: 1})) },
	}
	for name, do := range calls {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(6) {
				killedIn(t, seed, do)
			}
		})
	}
}

func killedIn(t *testing.T, seed uint64, do func(*world)) {
	w := newWorld(t, seed, 0, 0)
	armed := false
	disk := vfs.Intercept(w.disk, vfs.Hooks{After: func(c vfs.Call, _ error) {
		if armed && c.Op.Changes() {
			w.powerFailsInRecovery(w.disk.KillClone(), c.Op.String()+" "+c.Path)
		}
	}})
	var err error
	w.log, err = Open(disk, dir, w.options())
	ok(t, err)
	for len(w.log.segs) < 3 {
		w.append()
		ok(t, w.log.Sync())
		w.now.durable = len(w.now.recs)
	}
	w.append()
	armed = true
	do(w)
	armed = false
	if len(w.log.segs) == 0 {
		t.Error("no segment left")
	}
}

func (w *world) powerFailsInRecovery(killed *memfs.FS, when string) {
	hooked := vfs.Intercept(killed, vfs.Hooks{After: func(c vfs.Call, _ error) {
		if c.Op.Changes() {
			for range 8 {
				w.crash(killed, 0, when+" (killed), and in recovery "+c.Op.String()+" "+c.Path)
			}
		}
	}})
	l, err := Open(hooked, dir, w.options())
	if err == nil {
		_, err = w.judge(l)
	}
	if err != nil {
		w.t.Fatalf("killed after %s: %v", when, err)
	}
}
