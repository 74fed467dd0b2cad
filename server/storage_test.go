package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// The keys about the log reach the log.
func TestLogKeys(t *testing.T) {
	for line, want := range map[string]int64{
		"preAllocSize=1024": 1 << 20,
		"preAllocSize=1":    16 << 10, // the least there is
		"preAllocSize=1024\ntxnLogSizeLimitInKb=2048": 2 << 20,
		"preAllocSize=0": 64 << 20,
		"":               64 << 20,
	} {
		s := startSite(t, line, "fsync.warningthresholdms=0")
		c := s.client()
		for range 20 {
			c.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: "/", Data: []byte("x"), Version: -1}, nil)
		}
		files, err := filepath.Glob(s.dir + "/zabra-log/log.*")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		if info, err := os.Stat(files[0]); err != nil || info.Size() != want {
			t.Errorf("%q: a segment has %d bytes, want %d (%v)", line, info.Size(), want, err)
		}
		if n := strings.Count(s.log.String(), "fsync of the transaction log was slow"); n < 1 || n > 10 {
			t.Errorf("slow syncs are in the log %d times, want about once a second", n)
		}
		if stats := string(s.ask(t, "GET", "/commands/server_stats", "", nil).body); strings.Contains(stats, `"fsync_threshold_exceed_count" : 0`) {
			t.Error("slow syncs are not counted")
		}
	}
}
