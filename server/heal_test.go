package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

// A shelf is the directories of a member that is not running.
type shelf struct {
	t    testing.TB
	cfg  *zoocfg.Config
	dirs datadir.Layout
}

// newShelf fills directories, one of them for the log, with a checkpoint and a log of
// several segments, in epoch 1.
func newShelf(t testing.TB, distributed bool) *shelf {
	t.Helper()
	cfg := &zoocfg.Config{DataDir: t.TempDir(), DataLogDir: t.TempDir(), DataDirAutocreate: true}
	cfg.Storage.PreAllocSize, cfg.Ensemble.Distributed = txnlog.MinSegmentSize, distributed
	s := &shelf{t, cfg, layoutOf(cfg)}
	d := s.open()
	s.ok(d.SetEpoch(zab.WriteAcceptedEpoch, 1))
	s.ok(d.SetEpoch(zab.WriteCurrentEpoch, 1))
	j := d.journal(nil)
	for i := range 300 {
		txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: wire.MakeZxid(1, uint32(i+1)), Op: wire.OpCreate},
			&wire.CreateTxn{Path: fmt.Sprintf("/n%d", i), Data: make([]byte, 100), ParentCversion: int32(i + 1)})
		s.ok(j.Append([]zab.Txn{{Zxid: txn.Header.Zxid, Raw: txn.Raw}}))
		if i < 150 {
			d.tree.Apply(&txn)
		}
	}
	s.ok(j.Sync())
	s.ok(d.checkpointNow())
	s.ok(d.close())
	return s
}

// checkpointNow writes the tree, which nobody else uses, and drops what it covers.
func (d *data) checkpointNow() error {
	if err := d.writeFresh(d.tree); err != nil {
		return err
	}
	return d.log.Purge(d.tree.LastZxid(), least)
}

func (s *shelf) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) try() (*data, error) { return openData(s.cfg, osfs.FS{}, zap.NewNop(), metrics.New()) }

func (s *shelf) open() *data {
	s.t.Helper()
	d, err := s.try()
	s.ok(err)
	return d
}

// sets lists the damaged files that are kept.
func (s *shelf) sets() (files []string) {
	for _, dir := range []string{s.dirs.DamagedData(), s.dirs.DamagedLog()} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				files = append(files, strings.TrimPrefix(path, dir))
			}
			return nil
		})
		s.ok(err)
	}
	return files
}

func (s *shelf) remove(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.ok(os.RemoveAll(name))
	}
}

func (s *shelf) segments() []string {
	s.t.Helper()
	list, err := filepath.Glob(filepath.Join(s.dirs.LogDir(), "log.*[0-9a-f]"))
	s.ok(err)
	list = slices.DeleteFunc(list, func(name string) bool { return filepath.Ext(name) == ".lock" })
	if len(list) < 3 {
		s.t.Fatalf("only %d segments", len(list))
	}
	return list
}

func (s *shelf) overwrite(name string, text string) {
	s.t.Helper()
	s.ok(os.WriteFile(name, []byte(text), 0o600))
}

// flip changes a bit in the middle of the records of a segment.
func (s *shelf) flip(name string) {
	s.t.Helper()
	b, err := os.ReadFile(name)
	s.ok(err)
	b[len(b)/2+13] ^= 4
	s.overwrite(name, string(b))
}

var damages = []struct {
	name string
	do   func(s *shelf)
	kept string // one of the files that are kept

	accepted wire.Epoch // what is known to be promised then
}{
	{"a bit in the newest segment", func(s *shelf) { l := s.segments(); s.flip(l[len(l)-2]) }, "log.", 1},
	{"a bit in a segment behind the checkpoint", func(s *shelf) { l := s.segments(); s.flip(l[len(l)/2]) }, "log.", 1},
	{"a segment is gone", func(s *shelf) { l := s.segments(); s.remove(l[len(l)/2]) }, "log.", 1},
	{"an empty segment", func(s *shelf) { l := s.segments(); s.overwrite(l[len(l)-1], "") }, "log.", 1},
	{"the log is gone", func(s *shelf) { s.remove(s.dirs.LogDir()) }, "MANIFEST", 1},
	{"the checkpoint is gone", func(s *shelf) { s.remove(s.dirs.StoreDir()) }, "log.", 1},
	{"the checkpoint is damaged", func(s *shelf) { s.overwrite(filepath.Join(s.dirs.StoreDir(), "MANIFEST"), "nonsense") }, "MANIFEST", 1},
	{"both are gone", func(s *shelf) { s.remove(s.dirs.LogDir(), s.dirs.StoreDir()) }, "reason", 1},
	{"acceptedEpoch is gone", func(s *shelf) { s.remove(s.dirs.AcceptedEpoch()) }, "log.", 1},
	{"currentEpoch is gone", func(s *shelf) { s.remove(s.dirs.CurrentEpoch()) }, "log.", 1},
	{"both epochs are gone", func(s *shelf) { s.remove(s.dirs.AcceptedEpoch(), s.dirs.CurrentEpoch()) }, "log.", 0},
	{"acceptedEpoch is empty", func(s *shelf) { s.overwrite(s.dirs.AcceptedEpoch(), "") }, "acceptedEpoch", 1},
	{"currentEpoch is another one", func(s *shelf) { s.overwrite(s.dirs.CurrentEpoch(), "2\n"+"00000000\n") }, "currentEpoch", 1},
	{"dataDir is gone", func(s *shelf) { s.remove(s.dirs.Data) }, "log.", 0},
}

// A member that finds damage keeps what it found aside and goes on without a vote, at
// every start until a leader has filled it. What it promised it remembers, if it can.
func TestDamagedMembersHaveNoVote(t *testing.T) {
	for _, tc := range damages {
		t.Run(tc.name, func(t *testing.T) {
			s := newShelf(t, true)
			tc.do(s)
			for i := range 3 {
				d := s.open()
				if st := d.state(0); st.Claim() != wire.NoZxid || !st.ForceSnapshot || st.Last != 0 || d.isFresh() {
					t.Fatalf("start %d: %+v", i+1, st)
				}
				if st := d.state(0); st.AcceptedEpoch != tc.accepted {
					t.Errorf("start %d: epoch %d is promised, want %d", i+1, st.AcceptedEpoch, tc.accepted)
				}
				if !slices.ContainsFunc(s.sets(), func(f string) bool { return strings.HasPrefix(filepath.Base(f), tc.kept) }) {
					t.Errorf("start %d: only %v are kept", i+1, s.sets())
				}
				s.ok(d.close())
			}

			// A leader fills it.
			d := s.open()
			tree := datatree.New()
			raise(tree, wire.MakeZxid(2, 7))
			s.ok(d.SetEpoch(zab.WriteAcceptedEpoch, 3))
			s.ok(d.Replace(tree))
			s.ok(d.SetEpoch(zab.WriteCurrentEpoch, 3))
			s.ok(d.close())
			d = s.open()
			if st := d.state(0); st.Claim() != wire.MakeZxid(2, 7) || st.CurrentEpoch != 3 || st.AcceptedEpoch != 3 {
				t.Errorf("healed, it claims %+v", st)
			}
			if len(s.sets()) == 0 {
				t.Error("the damaged files are gone")
			}
			d.makeRoom()
			if list := s.sets(); len(list) != 0 {
				t.Errorf("when room was needed, %v stayed", list)
			}
			s.ok(d.close())
		})
	}
}

// A server that stands alone has nobody to heal it.
func TestDamagedStandaloneServersRefuseToStart(t *testing.T) {
	for _, tc := range damages {
		if strings.Contains(tc.name, "Epoch") || strings.Contains(tc.name, "epochs") || strings.Contains(tc.name, "both") {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			s := newShelf(t, false)
			tc.do(s)
			if d, err := s.try(); err == nil {
				s.ok(d.close())
				t.Error("it starts")
			}
			if list := s.sets(); len(list) != 0 {
				t.Errorf("it moved %v", list)
			}
		})
	}
}

// What is damaged again before a leader has filled the server does not push out what was
// kept first.
func TestOnlyTheFirstDamageIsKept(t *testing.T) {
	s := newShelf(t, true)
	l := s.segments()
	s.flip(l[len(l)-2])
	s.ok(s.open().close())
	kept := s.sets()
	segments, err := filepath.Glob(filepath.Join(s.dirs.LogDir(), "log.?"))
	s.ok(err)
	s.overwrite(segments[0], "")
	d := s.open()
	if st := d.state(0); st.Claim() != wire.NoZxid || !st.ForceSnapshot {
		t.Errorf("%+v", st)
	}
	s.ok(d.close())
	if got := s.sets(); !slices.Equal(got, kept) {
		t.Errorf("%v are kept instead of %v", got, kept)
	}
}

// zabra verify tells what a member has put aside, and whether that was made up for.
func TestVerifyTellsOfHealing(t *testing.T) {
	s := newShelf(t, true)
	l := s.segments()
	s.flip(l[len(l)-2])
	d := s.open()
	s.ok(d.close())
	verify := func(healed bool) {
		t.Helper()
		r, err := inspect.Verify(osfs.FS{}, s.dirs)
		s.ok(err)
		if len(r.Kept) != 1 || r.Kept[0].Healed != healed || !strings.Contains(r.Kept[0].Reason, "bad checksum") || r.Kept[0].Bytes == 0 || (len(r.Damage) == 0) != healed {
			t.Errorf("kept %+v, damage %v", r.Kept, r.Damage)
		}
	}
	verify(false)
	d = s.open()
	tree := datatree.New()
	raise(tree, wire.MakeZxid(2, 7))
	s.ok(d.SetEpoch(zab.WriteAcceptedEpoch, 3))
	s.ok(d.Replace(tree))
	s.ok(d.SetEpoch(zab.WriteCurrentEpoch, 3))
	s.ok(d.close())
	verify(true)
}

// A file of another version, or a shortage, is no damage.
func TestWhatIsNoDamage(t *testing.T) {
	for _, err := range []error{
		nil, fs.ErrPermission, &RoomError{}, errors.New("another"),
		&txnlog.CorruptError{Remedy: "run the version of Zabra that wrote it"},
	} {
		if isDamage(err) {
			t.Errorf("%v is taken for damage", err)
		}
	}
}

// A snapshot of a leader may stand exactly where the own checkpoint does. If it is
// interrupted before it is whole, the log behind the checkpoint stays.
func TestInterruptedSnapshotAtTheCheckpointsZxid(t *testing.T) {
	for _, whole := range []bool{false, true} {
		s := newShelf(t, true)
		d := s.open()
		at, last := d.tree.LastZxid(), d.log.Last()
		if at == last {
			t.Fatal("nothing is behind the checkpoint")
		}
		mark := datadir.Restoring{Zxid: at, Number: d.store.Number() + 1}
		s.overwrite(s.dirs.RestoreMark(), string(mark.Append(nil)))
		if whole {
			tree := datatree.New()
			raise(tree, at)
			s.ok(d.writeFresh(tree))
			last = at
		}
		s.ok(d.close())
		d = s.open()
		if got := d.log.Last(); got != last || d.state(0).Claim() != last {
			t.Errorf("whole %v: the log ends at %v instead of %v", whole, got, last)
		}
		s.ok(d.close())
		if _, err := os.Stat(s.dirs.RestoreMark()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("whole %v: the mark is still there: %v", whole, err)
		}
	}
}

// What is known to be damaged is offered to nobody, is found once, and goes with the next
// checkpoint that covers it.
func TestDamagedSegmentsGoWithTheNextCheckpoint(t *testing.T) {
	s := newShelf(t, true)
	d := s.open()
	for tree, i := d.tree, 151; i <= 300; i++ { // so that a checkpoint covers all of the log
		raise(tree, wire.MakeZxid(1, uint32(i)))
	}
	l := s.segments()
	base := d.log.Base()
	s.flip(l[1])
	for range 2 {
		d.met(d.scrub(t.Context()))
	}
	offered := history{d}
	if offered.Base() <= base || offered.Base() >= d.log.Last() {
		t.Fatalf("the history begins at %v, as the log does at %v", offered.Base(), base)
	}
	if _, err := offered.Floor(base + 1); err == nil {
		t.Error("what is damaged is looked into")
	}
	if at, err := offered.Floor(d.log.Last()); err != nil || at != d.log.Last() {
		t.Errorf("%v, %v", at, err)
	}
	if n := d.metrics.DamageFound.Load(); n != 1 {
		t.Errorf("found %d times", n)
	}
	select {
	case <-d.due:
	default:
		t.Error("no checkpoint is asked for")
	}
	s.ok(d.log.Purge(d.tree.LastZxid(), d.retention()))
	if d.hasDamage() {
		t.Errorf("the log still begins at %v", d.log.Base())
	}
	s.ok(d.close())
	d = s.open()
	if d.state(0).Claim() != wire.NoZxid && d.log.Last() != wire.MakeZxid(1, 300) {
		t.Errorf("%+v", d.state(0))
	}
	s.ok(d.close())
}
