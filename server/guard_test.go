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

// Zabra's data from before ZooKeeper had the directory again is not started on; data
// that was taken over from what is there is.
func TestOlderThanZooKeepers(t *testing.T) {
	for name, refused := range map[string]bool{
		"log.10000012c": false, "log.10000012d": true, "snapshot.200000001.snappy": true,
	} {
		for _, distributed := range []bool{false, true} {
			s := newShelf(t, distributed)
			dir := s.dirs.ZooKeeperDir()
			s.ok(os.Mkdir(dir, 0o755))
			s.ok(os.WriteFile(filepath.Join(dir, name), nil, 0o644))
			d, err := s.try()
			if err == nil {
				s.ok(d.close())
			}
			if refused != (err != nil && strings.Contains(err.Error(), "older than Apache ZooKeeper's")) || len(s.sets()) > 0 {
				t.Errorf("%s: %v, put aside: %v", name, err, s.sets())
			}
		}
	}
}

// A member whose own files are damaged heals, whatever it was once imported from.
func TestHealsBesideZooKeepersData(t *testing.T) {
	s := newShelf(t, true)
	s.ok(os.Mkdir(s.dirs.ZooKeeperDir(), 0o755))
	s.ok(os.WriteFile(filepath.Join(s.dirs.ZooKeeperDir(), "snapshot.1"), nil, 0o644))
	s.remove(s.segments()[1])
	for range 2 { // the second finds no log, and the mark
		d := s.open()
		if d.log.Last() != 0 || !d.untrusted.Load() {
			t.Errorf("log ends at %v, trusted", d.log.Last())
		}
		s.ok(d.close())
	}
}
