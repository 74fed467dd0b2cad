package server

import (
	"testing"

	"go.uber.org/zap"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A member that was found empty does not count until it was synchronised, however
// often it starts; one that an operator vouches for does.
func TestAnEmptyMemberStaysUntrusted(t *testing.T) {
	for _, autocreate := range []bool{false, true} {
		dir := t.TempDir()
		cfg := &zoocfg.Config{DataDir: dir, DataLogDir: dir, DataDirAutocreate: true}
		cfg.Ensemble.Distributed, cfg.Ensemble.DBAutocreate = true, autocreate
		start := func(f func(*data) error) (claim wire.Zxid) {
			t.Helper()
			d, err := openData(cfg, osfs.FS{}, zap.NewNop(), metrics.New())
			if err != nil {
				t.Fatal(err)
			}
			claim = d.state(0).Claim()
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
		if autocreate {
			want = 0
		}
		for i := range 3 {
			if got := start(nil); got != want {
				t.Errorf("autocreate %v: start %d claims %v, want %v", autocreate, i+1, got, want)
			}
		}
		start(func(d *data) error {
			if err := d.SetEpoch(zab.WriteAcceptedEpoch, 1); err != nil {
				return err
			}
			return d.SetEpoch(zab.WriteCurrentEpoch, 1)
		})
		if got := start(nil); got != 0 {
			t.Errorf("autocreate %v: after its synchronisation it claims %v", autocreate, got)
		}
	}
}
