package server_test

import (
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
	"go.uber.org/zap"
)

// A second server on the same data is refused, and says why.
func TestTwoServersOnOneDirectory(t *testing.T) {
	s := startSite(t)
	cfg, _, err := zoocfg.Parse("zoo.cfg", []byte(s.config))
	if err != nil {
		t.Fatal(err)
	}
	second, err := server.Open(cfg, osfs.FS{}, zap.NewNop())
	if err == nil {
		t.Fatal("it starts", second.Close())
	}
	if !strings.Contains(err.Error(), "another server runs on "+s.dir) {
		t.Error(err)
	}
	s.client().create("/a", "", 0)
}
