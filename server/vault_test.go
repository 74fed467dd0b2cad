package server

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/zap"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A member that was found empty does not count until it was synchronised, however
// often it starts, or until it has learned that the ensemble is new, which it has to
// learn again when it starts again; one that an operator vouches for does.
func TestAnEmptyMemberStaysUntrusted(t *testing.T) {
	for _, tc := range []struct{ autocreate, initialize bool }{{false, false}, {true, false}, {true, true}, {false, true}} {
		dir, autocreate := t.TempDir(), tc.autocreate
		if tc.initialize {
			if err := os.WriteFile(filepath.Join(dir, "initialize"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg := &zoocfg.Config{DataDir: dir, DataLogDir: dir, DataDirAutocreate: true}
		cfg.Ensemble.Distributed, cfg.Ensemble.DBAutocreate = true, autocreate
		start := func(f func(*data) error) (claim wire.Zxid) {
			t.Helper()
			d, err := openData(cfg, osfs.FS{}, zap.NewNop(), metrics.New())
			if err != nil {
				t.Fatal(err)
			}
			claim = d.state(0).Claim()
			if _, err := os.Stat(filepath.Join(dir, "initialize")); err == nil {
				t.Error("the file initialize is still there")
			}
			if want := !tc.initialize && autocreate && claim == wire.NoZxid; d.isFresh() != want {
				t.Errorf("%+v: fresh %v, want %v", tc, d.isFresh(), want)
			}
			if d.isFresh() {
				d.vouch()
				if d.isFresh() || d.state(0).Claim() != 0 {
					t.Errorf("%+v: it does not vote in a new ensemble", tc)
				}
			}
			if f != nil {
				if err := f(d); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.close(); err != nil {
				t.Fatal(err)
			}
			return claim
		}
		want := wire.NoZxid
		if tc.initialize {
			want = 0
		}
		for i := range 3 {
			if got := start(nil); got != want {
				t.Errorf("%+v: start %d claims %v, want %v", tc, i+1, got, want)
			}
		}
		start(func(d *data) error {
			if err := d.SetEpoch(zab.WriteAcceptedEpoch, 1); err != nil {
				return err
			}
			return d.SetEpoch(zab.WriteCurrentEpoch, 1)
		})
		if got := start(nil); got != 0 {
			t.Errorf("%+v: after its synchronisation it claims %v", tc, got)
		}
	}
}

// A leader that is not established sends a state that may end before what this server has
// acknowledged, and the rest behind it. Who stops in between has no vote, or two servers of
// three could elect it although it lacks what it and the leader had committed.
func TestAStateThatTakesBackTheLogLeavesNoVote(t *testing.T) {
	const end = wire.Zxid(1)<<32 | 9
	for _, tc := range []struct {
		name      string
		state     wire.Zxid
		completed bool
		want      wire.Zxid
	}{
		{"a state before the end, and a stop", end - 4, false, wire.NoZxid},
		{"a state before the end, and the epoch", end - 4, true, end - 4},
		{"a state at the end, and a stop", end, false, end},
		{"a state behind the end, and a stop", end + 4, false, end + 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			cfg := &zoocfg.Config{DataDir: dir, DataLogDir: dir, DataDirAutocreate: true}
			cfg.Ensemble.Distributed, cfg.Ensemble.DBAutocreate = true, true
			d := openVault(t, cfg)
			for _, which := range []zab.WriteOp{zab.WriteAcceptedEpoch, zab.WriteCurrentEpoch} {
				if err := d.SetEpoch(which, 1); err != nil {
					t.Fatal(err)
				}
			}
			logUpTo(t, d, end)
			if err := d.Replace(treeAt(t, d, tc.state)); err != nil {
				t.Fatal(err)
			}
			if tc.completed {
				if err := d.SetEpoch(zab.WriteCurrentEpoch, 1); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.state(tc.state).Claim(); got != tc.want {
				t.Errorf("it claims %v, want %v", got, tc.want)
			}
			if err := d.close(); err != nil {
				t.Fatal(err)
			}
			d = openVault(t, cfg)
			if got := d.state(tc.state).Claim(); got != tc.want {
				t.Errorf("after a start it claims %v, want %v", got, tc.want)
			}
			if err := d.close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func openVault(t *testing.T, cfg *zoocfg.Config) *data {
	t.Helper()
	d, err := openData(cfg, osfs.FS{}, zap.NewNop(), metrics.New())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// logUpTo logs transactions of one epoch, from its first on.
func logUpTo(t *testing.T, d *data, end wire.Zxid) {
	t.Helper()
	var recs []txnlog.Record
	for z := wire.MakeZxid(end.Epoch(), 1); z <= end; z++ {
		header := wire.TxnHeader{Zxid: z, Op: wire.OpCloseSession}
		recs = append(recs, txnlog.Record{Zxid: z, Payload: header.AppendTo(nil)})
	}
	if err := d.log.Append(recs); err != nil {
		t.Fatal(err)
	}
	if err := d.log.Sync(); err != nil {
		t.Fatal(err)
	}
}

// treeAt is an empty tree as a leader sends it.
func treeAt(t *testing.T, d *data, z wire.Zxid) *datatree.Tree {
	t.Helper()
	var b bytes.Buffer
	if err := datatree.WriteSnapshot(&b, datatree.NewWith(d.treeOptions()), datatree.Stream); err != nil {
		t.Fatal(err)
	}
	tree, err := datatree.ReadStream(&b, z, d.treeOptions())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
