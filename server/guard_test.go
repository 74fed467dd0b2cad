package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/zoocfg"
	"go.uber.org/zap"
)

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  string // part of the error, empty for none
	}{
		{"nothing", nil, ""},
		{"own data", []string{"zabra-log/log.1", "zabra-store/MANIFEST"}, ""},
		{"a log alone", []string{"zabra-log/log.1"}, ""},
		{"own data beside ZooKeeper's", []string{"zabra-log/log.1", "version-2/snapshot.0"}, ""},
		{"a checkpoint alone", []string{"zabra-store/MANIFEST"}, "put the log files back"},
		{"a checkpoint and a lock", []string{"zabra-store/MANIFEST", "zabra-log/log.lock", "zabra-log/log.prealloc"}, "put the log files back"},
		{"a first start that was killed", []string{"zabra-log/log.lock", "zabra-log/log.prealloc"}, ""},
		{"ZooKeeper's snapshot", []string{"version-2/snapshot.0"}, "Apache ZooKeeper's data"},
		{"ZooKeeper's log", []string{"version-2/log.1"}, "Apache ZooKeeper's data"},
		{"an import that did not finish", []string{"zabra-log/log.1", "zabra-store/MANIFEST", "zabra-importing/x"}, "run zabra import again"},
		{"ZooKeeper's epochs only", []string{"version-2/currentEpoch"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range c.files {
				path := filepath.Join(dir, f)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			d := &data{cfg: &zoocfg.Config{DataDir: dir, DataLogDir: dir}, fs: osfs.FS{}}
			err := d.guard()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A start that is refused makes nothing in the directories.
func TestOpenIsGuarded(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "version-2"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "version-2", "snapshot.0"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := &zoocfg.Config{DataDir: dir, DataLogDir: dir, DataDirAutocreate: true}
	if d, err := openData(cfg, osfs.FS{}, zap.NewNop(), metrics.New()); err == nil {
		t.Errorf("opened: %v", d.close())
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
