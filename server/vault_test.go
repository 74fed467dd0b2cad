package server

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/zap"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/metrics"
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
