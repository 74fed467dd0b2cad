package crashtest

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/sparse"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/server/txnlog"
)

// A harm is done to one file of a data directory.
type harm struct {
	name string
	do   func(t testing.TB, rng *rand.Rand, file string) (what string)
}

var harms = []harm{
	{"flip", func(t testing.TB, rng *rand.Rand, file string) string {
		at, b := someByte(t, rng, file)
		write(t, file, at, []byte{b ^ 1<<rng.IntN(8)})
		return fmt.Sprintf("bit flipped at %d", at)
	}},
	{"zero", func(t testing.TB, rng *rand.Rand, file string) string {
		at, _ := someByte(t, rng, file)
		at &^= 511
		write(t, file, at, make([]byte, min(512, size(t, file)-at)))
		return fmt.Sprintf("sector zeroed at %d", at)
	}},
	{"cut", func(t testing.TB, rng *rand.Rand, file string) string {
		at, _ := someByte(t, rng, file)
		if err := os.Truncate(file, at); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("cut at %d", at)
	}},
	{"remove", func(t testing.TB, _ *rand.Rand, file string) string {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		return "removed"
	}},
}

func size(t testing.TB, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// someByte chooses a byte that is not zero, if it finds one soon: files are mostly
// zeros that nobody reads.
func someByte(t testing.TB, rng *rand.Rand, file string) (int64, byte) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := max(size(t, file), 1)
	b := make([]byte, 1)
	var at int64
	for range 2000 {
		at = rng.Int64N(n)
		if rng.IntN(2) == 0 { // near the beginning, which every file uses
			at = rng.Int64N(min(n, 32<<10))
		}
		if k, _ := f.ReadAt(b, at); k == 1 && b[0] != 0 {
			break
		}
	}
	return at, b[0]
}

func write(t testing.TB, file string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// victims are the files to harm, by kind.
func victims(t testing.TB, dirs datadir.Layout) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	segments, err := filepath.Glob(filepath.Join(dirs.LogDir(), "log.[0-9a-f]*"))
	if err != nil {
		t.Fatal(err)
	}
	segments = slices.DeleteFunc(segments, func(f string) bool { return strings.Contains(filepath.Base(f), "lock") })
	slices.SortFunc(segments, func(a, b string) int { // names are in hexadecimal
		if d := len(a) - len(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	all["newest segment"] = segments[len(segments)-1:]
	all["older segment"] = segments[:len(segments)-1]
	entries, err := os.ReadDir(dirs.StoreDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		kind := filepath.Ext(e.Name())
		if kind == "" {
			kind = e.Name()
		}
		if kind != "LOCK" {
			all["store "+kind] = append(all["store "+kind], filepath.Join(dirs.StoreDir(), e.Name()))
		}
	}
	return all
}

// A lost and found tells what a server makes of a harmed directory.
func (c *campaign) afterHarm(base, what string) (refused bool) {
	c.t.Helper()
	err := c.d.start()
	if err != nil {
		text := err.Error()
		named := strings.Contains(text, "zabra-log") || strings.Contains(text, "zabra-store")
		remedy := strings.Contains(text, "restore a backup") || strings.Contains(text, "move") || strings.Contains(text, "put ")
		where := strings.Contains(text, "offset") || strings.Contains(text, "zabra-store") || strings.Contains(text, "0x")
		if !named || !remedy || !where {
			c.t.Errorf("%s, %s: the error does not say what is damaged, where, and what to do: %s", base, what, text)
		}
		return true
	}
	for _, w := range c.workers {
		conn := c.attach(&w.s)
		w.check(conn)
		conn.drop()
	}
	c.d.kill()
	if c.t.Failed() {
		c.t.Fatalf("%s, %s: something that was acknowledged is gone in silence", base, what)
	}
	return false
}

var checkpointLine = regexp.MustCompile(`checkpoint written\s+\{"zxid": "0x([0-9a-f]+)"`)

// covered reports whether a checkpoint holds more than the oldest segment of the log.
func (c *campaign) covered() bool {
	c.t.Helper()
	written := checkpointLine.FindAllStringSubmatch(c.d.stderr.String(), -1)
	if written == nil {
		return false
	}
	checkpoint, err := strconv.ParseUint(written[len(written)-1][1], 16, 64)
	if err != nil {
		c.t.Fatal(err)
	}
	var begins []uint64 // of segments
	entries, err := os.ReadDir(c.d.dirs().LogDir())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "log.")
		if zxid, err := strconv.ParseUint(name, 16, 64); ok && err == nil {
			begins = append(begins, zxid)
		}
	}
	slices.Sort(begins)
	return len(begins) > 1 && begins[1] < checkpoint
}

// A file of a server that was killed again and again is damaged: what was acknowledged
// is there, or the server does not start and says why.
func TestDamageAfterKill(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 2))
	c := newCampaign(t, rng, "preAllocSize=64\nsnapCount=300\n")
	// On a slow machine more cycles than three, so that there is something to purge.
	for n := 0; n < 3 || n < 60 && !c.covered(); n++ {
		c.cycle()
	}
	for _, w := range c.workers {
		w.tidy = false
	}
	// Nothing is open, and a server that stops, like one that idles, notes where its log
	// ends. Of one that is killed while it writes nobody can tell a last sector that
	// was damaged from one that was never written.
	if code, _ := c.d.terminate(); code != 0 {
		t.Fatalf("stopped with code %d: %s", code, c.d.stderr.String())
	}
	bases := []string{c.d.dir, filepath.Join(t.TempDir(), "purged")}
	copyTree(t, bases[1], bases[0])
	c.d.dir = bases[1]
	purge(t, c.d.dirs())
	refused, recovered := 0, 0
	for round := range times(t, "ZABRA_DAMAGE_ROUNDS", 40, 3000) {
		base := []string{"with all of the log", "with the log behind the checkpoint"}[round%2]
		c.d.dir = filepath.Join(t.TempDir(), "harmed")
		copyTree(t, c.d.dir, bases[round%2])
		c.d.configure("")
		kinds := victims(t, c.d.dirs())
		names := make([]string, 0, len(kinds))
		for name := range kinds {
			if len(kinds[name]) > 0 {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		kind := names[rng.IntN(len(names))]
		file := kinds[kind][rng.IntN(len(kinds[kind]))]
		h := harms[rng.IntN(len(harms))]
		what := fmt.Sprintf("%s %s: %s", kind, filepath.Base(file), h.do(t, rng, file))
		if c.afterHarm(base, what) {
			refused++
		} else {
			recovered++
		}
		if err := os.RemoveAll(c.d.dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d damaged directories: %d refused with a reason, %d had everything", refused+recovered, refused, recovered)
}

func copyTree(t testing.TB, to, from string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if e.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		_, err = sparse.Copy(target, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// purge drops every segment of the log that the checkpoint covers.
func purge(t testing.TB, dirs datadir.Layout) {
	t.Helper()
	report, err := inspect.Verify(osfs.FS{}, dirs)
	if err != nil || report.Checkpoint == nil {
		t.Fatalf("%+v, %v", report, err)
	}
	log, err := txnlog.Open(osfs.FS{}, dirs.LogDir(), txnlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Purge(report.Checkpoint.Zxid, txnlog.Retention{Txns: 1, Bytes: 1}); err != nil {
		t.Fatal(err)
	}
	if log.Base() == 0 {
		t.Fatal("nothing of the log could be purged: the test wants a log that begins late")
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}
