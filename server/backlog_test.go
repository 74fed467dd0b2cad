package server

import (
	"testing"

	"github.com/zabra/zabra/server/zoocfg"
)

// A small observerMaster.sizeLimit drops nobody for the sake of one long transaction.
func TestOneTransactionMayAlwaysWaitForAnObserver(t *testing.T) {
	for _, c := range []struct{ limit, jute int }{{1, 1 << 20}, {1 << 20, 1 << 20}, {1, 100 << 20}, {64 << 20, 1 << 20}} {
		cfg := new(zoocfg.Config)
		cfg.Ensemble.ObserverMasterSizeLimit = c.limit
		cfg.Limits.JuteMaxBuffer, cfg.Limits.JuteMaxBufferExtra = c.jute, c.jute
		got, longest := observerBacklog(cfg), int64(maxTxn(&cfg.Limits))
		if got <= longest || got < int64(c.limit) {
			t.Errorf("limit %d, transactions up to %d bytes: %d may wait", c.limit, longest, got)
		}
		if int64(c.limit) > 2*longest && got != int64(c.limit) {
			t.Errorf("limit %d is not kept: %d", c.limit, got)
		}
	}
}
