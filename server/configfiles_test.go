package server

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func membership(t testing.TB, version int64, ids ...int) quorum.Config {
	t.Helper()
	text := fmt.Sprintf("version=%x", version)
	for _, id := range ids {
		text += fmt.Sprintf("\nserver.%d=10.0.0.%d:2888:3888:participant;2181", id, id)
	}
	c, err := quorum.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The newest committed configuration counts wherever it is, and the last proposed one
// of the log if it is newer still. One that another was proposed behind is committed.
func TestWhichConfigurationsCount(t *testing.T) {
	v := func(version int64) quorum.Config { return membership(t, version, 1, 2, 3) }
	var none quorum.Config
	for what, tc := range map[string]struct {
		k                   known
		committed, proposed int64
	}{
		"files alone":                          {known{committed: []quorum.Config{v(5)}}, 5, 0},
		"tree newer":                           {known{committed: []quorum.Config{v(5), v(7)}, logged: true}, 7, 0},
		"files newer":                          {known{committed: []quorum.Config{v(7), v(5)}, logged: true}, 7, 0},
		"proposed in the log":                  {known{committed: []quorum.Config{v(5)}, proposed: []quorum.Config{v(6)}, logged: true}, 5, 6},
		"an older one in the log":              {known{committed: []quorum.Config{v(7)}, proposed: []quorum.Config{v(6)}, logged: true}, 7, 0},
		"the last of several":                  {known{committed: []quorum.Config{v(5)}, proposed: []quorum.Config{v(6), v(8)}, logged: true}, 6, 8},
		"a file, and no log":                   {known{committed: []quorum.Config{v(5)}, next: v(6)}, 5, 6},
		"an old file, and no log":              {known{committed: []quorum.Config{v(7)}, next: v(6)}, 7, 0},
		"a file, and a log that has forgotten": {known{committed: []quorum.Config{v(5)}, next: v(6), logged: true}, 5, 0},
		"neither file nor log":                 {known{committed: []quorum.Config{v(0)}, next: none}, 0, 0},
	} {
		a := tc.k.active()
		if a.Committed.Version != tc.committed || a.Pending() != (tc.proposed != 0) || a.Pending() && a.Proposed.Version != tc.proposed {
			t.Errorf("%s: committed %d, proposed %d; want %d, %d", what, a.Committed.Version, a.Proposed.Version, tc.committed, tc.proposed)
		}
	}
}

const staticConfig = `# ours
tickTime=2000
dataDir=/data
initLimit=10
syncLimit=5
clientPort=2181
reconfigEnabled=true
server.1=10.0.0.1:2888:3888
server.2=10.0.0.2:2888:3888
server.3=10.0.0.3:2888:3888
`

// diskWith holds a zoo.cfg.
func diskWith(t testing.TB, text string) *memfs.FS {
	t.Helper()
	disk := memfs.New()
	for _, dir := range []string{"/etc", "/data"} {
		if err := disk.MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"/etc/zoo.cfg": text, "/data/myid": "1"} {
		if err := vfs.WriteFileAtomic(disk, name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

func load(t testing.TB, disk vfs.FS) *zoocfg.Config {
	t.Helper()
	cfg, _, err := zoocfg.Load(zoocfg.Source{File: "/etc/zoo.cfg", ReadFile: func(name string) ([]byte, error) {
		return vfs.ReadFile(disk, name, maxConfigFile)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func text(t testing.TB, disk vfs.FS, name string) string {
	t.Helper()
	b, err := vfs.ReadFile(disk, name, maxConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The files follow what is proposed, committed and forgotten.
func TestConfigFiles(t *testing.T) {
	disk := diskWith(t, staticConfig)
	cfg := load(t, disk)
	f := newConfigFiles(cfg, disk, zap.NewNop())
	f.backup(cfg)
	if got := text(t, disk, "/etc/zoo.cfg.bak"); got != staticConfig {
		t.Errorf("backup: %q", got)
	}
	old, _ := cfg.Ensemble.Membership()
	f.recalled(quorum.Active{Committed: old})
	if got := text(t, disk, "/etc/zoo.cfg"); got != staticConfig {
		t.Errorf("a configuration without a version: %q", got)
	}

	five, six, seven := membership(t, 5, 1, 2, 3), membership(t, 6, 1, 2), membership(t, 7, 1, 2, 3)
	f.proposed(five)
	if got := text(t, disk, "/etc/zoo.cfg.dynamic.next"); got != string(zoocfg.DynamicText(five, true)) {
		t.Errorf("proposed: %q", got)
	}
	f.inForce(five)
	const want = "# ours\ntickTime=2000\ndataDir=/data\ninitLimit=10\nsyncLimit=5\nreconfigEnabled=true\ndynamicConfigFile=/etc/zoo.cfg.dynamic.5\n"
	if got := text(t, disk, "/etc/zoo.cfg"); got != want {
		t.Errorf("zoo.cfg: %q", got)
	}
	if got := text(t, disk, "/etc/zoo.cfg.dynamic.5"); got != string(zoocfg.DynamicText(five, false)) {
		t.Errorf("dynamic: %q", got)
	}
	if got := text(t, disk, "/etc/zoo.cfg.dynamic.next"); got != "none" {
		t.Errorf("next, after the commit: %q", got)
	}
	again := load(t, disk)
	if m, err := again.Ensemble.Membership(); err != nil || m.String() != five.String() || again.ClientPort != 2181 {
		t.Errorf("read again: %v, %v", m, err)
	}

	f.proposed(seven) // before the commit of what came before it is told
	f.inForce(six)
	if got := text(t, disk, "/etc/zoo.cfg.dynamic.next"); got != string(zoocfg.DynamicText(seven, true)) {
		t.Errorf("the commit of an older one took away what is proposed: %q", got)
	}
	f.inForce(five)
	if got := text(t, disk, "/etc/zoo.cfg"); !strings.HasSuffix(got, "zoo.cfg.dynamic.6\n") {
		t.Errorf("an older one replaced it: %q", got)
	}
	f.recalled(quorum.Active{Committed: six})
	if got := text(t, disk, "/etc/zoo.cfg.dynamic.next"); got != "none" {
		t.Errorf("what the log has forgotten: %q", got)
	}
	f.recalled(quorum.Active{Committed: six, Proposed: seven})
	if next := load(t, disk).Ensemble.Next; next.Version != 7 {
		t.Errorf("what the log proposes: %v", next)
	}
	f.proposed(five)
	if next := load(t, disk).Ensemble.Next; next.Version != 7 {
		t.Errorf("an old reconfiguration that is logged again: %v", next)
	}
}

// A crash at any change leaves a zoo.cfg that leads to a whole membership: the old one
// or the new.
func TestConfigFilesCrash(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[int64]int{}
	for range 200 {
		inner := diskWith(t, staticConfig)
		var clones []*memfs.FS
		disk := vfs.Intercept(inner, vfs.Hooks{After: func(c vfs.Call, _ error) {
			if c.Op.Changes() {
				clones = append(clones, inner.CrashClone(rng))
			}
		}})
		f := newConfigFiles(load(t, inner), disk, zap.NewNop())
		f.proposed(membership(t, 5, 1, 2, 3))
		f.inForce(membership(t, 5, 1, 2, 3))
		f.proposed(membership(t, 6, 1, 2))
		f.inForce(membership(t, 6, 1, 2))
		for _, c := range clones {
			m, err := load(t, c).Ensemble.Membership()
			if err != nil {
				t.Fatal(err)
			}
			want := map[int64]int{0: 3, 5: 3, 6: 2}[m.Version]
			if len(m.Servers) != want {
				t.Fatalf("version %d has %d servers", m.Version, len(m.Servers))
			}
			seen[m.Version]++
		}
	}
	if len(seen) != 3 {
		t.Errorf("crashes left only %v", seen)
	}
}

// What cannot be written is told and tried again, and stops nothing.
func TestConfigFilesThatCannotBeWritten(t *testing.T) {
	inner := diskWith(t, staticConfig)
	disk := faultfs.New(inner)
	disk.Fail(faultfs.Rule{Op: vfs.OpCreate, Sticky: true, Err: fs.ErrPermission})
	core, logs := observer.New(zap.ErrorLevel)
	f := newConfigFiles(load(t, inner), disk, zap.New(core))
	f.proposed(membership(t, 5, 1, 2, 3))
	f.inForce(membership(t, 5, 1, 2, 3))
	if n := logs.FilterMessageSnippet("let this server write to the directory of zoo.cfg").Len(); n != 2 {
		t.Errorf("%d lines: %+v", n, logs.All())
	}
	if got := text(t, inner, "/etc/zoo.cfg"); got != staticConfig {
		t.Errorf("zoo.cfg: %q", got)
	}
	disk.Heal()
	f.recalled(quorum.Active{Committed: membership(t, 5, 1, 2, 3)})
	if got := load(t, inner).Ensemble.Version; got != 5 {
		t.Errorf("afterwards it leads to %d", got)
	}
}

// Nothing is kept where nothing is reconfigured, or where server lines are not in files.
func TestNoConfigFiles(t *testing.T) {
	disk := diskWith(t, staticConfig)
	off := load(t, diskWith(t, strings.Replace(staticConfig, "reconfigEnabled=true", "", 1)))
	flags := load(t, disk)
	flags.Ensemble.Servers[1].Origin = zoocfg.Origin{Env: "ZABRA_SERVER_2"}
	for _, cfg := range []*zoocfg.Config{off, flags} {
		f := newConfigFiles(cfg, disk, zap.NewNop())
		f.backup(cfg)
		f.proposed(membership(t, 5, 1))
		f.inForce(membership(t, 5, 1))
		f.recalled(quorum.Active{})
		if f != nil {
			t.Errorf("%+v is kept", f)
		}
	}
}

// A reconfiguration is in its file when it is in the log.
func TestLoggedReconfigurationsAreWritten(t *testing.T) {
	dir := t.TempDir()
	log, err := txnlog.Open(osfs.FS{}, dir, txnlog.Options{SegmentSize: txnlog.MinSegmentSize})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	disk := diskWith(t, staticConfig)
	d := &data{log: log, fs: osfs.FS{}, zap: zap.NewNop(), metrics: metrics.New(), cfg: &zoocfg.Config{DataDir: dir, DataLogDir: dir}}
	j := d.journal(newConfigFiles(load(t, disk), disk, zap.NewNop()))
	next := membership(t, 3, 1, 2)
	var txns []zab.Txn
	for z := wire.Zxid(1); z <= 4; z++ {
		h := wire.TxnHeader{Zxid: z, Op: wire.OpSetData}
		if z == 3 {
			h.Op = wire.OpReconfig
		}
		raw := wire.EncodeTxn(nil, h, &wire.SetDataTxn{Path: "/zookeeper/config", Data: next.Text(), Version: -1}).Raw
		txns = append(txns, zab.Txn{Zxid: z, Raw: raw})
	}
	if err := j.Append(txns[:2]); err != nil {
		t.Fatal(err)
	}
	if got := text(t, disk, "/etc/zoo.cfg.dynamic.next"); got != "none" {
		t.Errorf("a setData is taken for a reconfiguration: %q", got)
	}
	if err := j.Append(txns[2:]); err != nil {
		t.Fatal(err)
	}
	if got := text(t, disk, "/etc/zoo.cfg.dynamic.next"); got != string(zoocfg.DynamicText(next, true)) {
		t.Errorf("%q", got)
	}
}
