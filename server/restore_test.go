package server_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/internal/sparse"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/wire"
)

const restoreConfig = `admin.enableServer=true
admin.serverAddress=127.0.0.1
admin.serverPort=0
admin.rateLimiterIntervalInMS=0
`

// command sends an admin command and returns the body of its answer.
func (r *rig) command(method, name string, body []byte) ([]byte, error) {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.server.Web()[0].Addr.String()+"/commands/"+name, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "ip")
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", a.Status, b)
	}
	return b, err
}

// put creates nodes; names returns those there are.
func (r *rig) put(names ...string) {
	r.t.Helper()
	if err := r.tryPut(names...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tryPut(names ...string) error {
	c, err := r.dial(rawclient.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = c.Abandon() }()
	for _, name := range names {
		if err := c.Do(wire.OpCreate, &wire.CreateRequest{Path: "/" + name, ACL: anyone}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) names() string {
	r.t.Helper()
	c, err := r.dial(rawclient.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = c.Abandon() }()
	var list wire.ChildrenResponse
	if err := c.Do(wire.OpGetChildren, &wire.PathWatchRequest{Path: "/"}, &list); err != nil {
		r.t.Fatal(err)
	}
	set := map[string]bool{}
	for _, n := range list.Names {
		set[n] = true
	}
	delete(set, "zookeeper")
	return strings.Join(slices.Sorted(maps.Keys(set)), " ")
}

// The states of the tests: a snapshot of the first, a server with the second.
const (
	restored = "both old"
	present  = "both new"
)

// prepare makes the snapshot and the state. The server runs; what is returned is
// its disk. The snapshot's zxid may be ahead of the server's.
func (r *rig) prepare(ahead bool) (mem *memfs.FS, snapshot []byte) {
	r.t.Helper()
	old := newRig(r.t, restoreConfig)
	old.mustStart(memfs.New())
	old.put("both", "old")
	for range 20 {
		if ahead { // sessions use up zxids
			old.put()
		}
	}
	snapshot, err := old.command("GET", "snapshot?streaming=true", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	old.halt()
	mem = memfs.New()
	r.mustStart(mem)
	r.put("both", "new")
	return mem, snapshot
}

// clone copies the store of the checkpoints as a process that dies now leaves it.
func (r *rig) clone(t testing.TB) (dir string) {
	dir = t.TempDir()
	from := filepath.Join(r.dir, "zabra-store")
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "LOCK" {
			return err
		}
		_, err = sparse.Copy(filepath.Join(dir, e.Name()), path)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return dir
}

// A death after any change of the disk that a restore makes leaves the state
// before or the snapshot's, and the server goes on from there.
func TestDeathAtEveryStepOfARestore(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		t.Run(fmt.Sprintf("ahead=%v", ahead), func(t *testing.T) { testDeaths(t, ahead) })
	}
}

func testDeaths(t *testing.T, ahead bool) {
	type death struct {
		what  string
		files *memfs.FS
		store string
	}
	r := newRig(t, restoreConfig)
	var mem *memfs.FS
	var mu sync.Mutex
	var deaths []death
	recording := false
	hooked := func(inner *memfs.FS) vfs.FS {
		return vfs.Intercept(inner, vfs.Hooks{After: func(c vfs.Call, err error) {
			mu.Lock()
			defer mu.Unlock()
			if recording && c.Op.Changes() {
				deaths = append(deaths, death{fmt.Sprintf("%v %s %s", c.Op, filepath.Base(c.Path), filepath.Base(c.To)), inner.KillClone(), r.clone(t)})
			}
		}})
	}
	mem, snapshot := r.prepare(ahead)
	r.halt()
	r.mustStart(hooked(mem))
	mu.Lock()
	recording = true
	mu.Unlock()
	if _, err := r.command("POST", "restore", snapshot); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	recording = false
	mu.Unlock()
	if got := r.names(); got != restored {
		t.Fatalf("restored: %s", got)
	}
	r.halt()
	seen := map[string]int{}
	for _, d := range deaths {
		store := filepath.Join(r.dir, "zabra-store")
		if err := os.RemoveAll(store); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(d.store, store); err != nil {
			t.Fatal(err)
		}
		r.mustStart(d.files)
		got := r.names()
		if got != restored && got != present {
			t.Errorf("death after %s: the nodes are %s", d.what, got)
		}
		seen[got]++
		r.put("after")
		r.halt()
		r.mustStart(d.files.KillClone())
		if after := r.names(); after != "after "+got {
			t.Errorf("death after %s: the nodes are %s, and after one more start %s", d.what, got, after)
		}
		r.halt()
	}
	t.Logf("%d deaths: %v", len(deaths), seen)
	if seen[present] == 0 || seen[restored] == 0 {
		t.Error("the test wants both outcomes")
	}
}

// A restore that the disk does not let through leaves the server as it was, or
// stops it; the next start has one of the two states, and what was acknowledged
// after a restore that failed is kept.
func TestFailureAtEveryStepOfARestore(t *testing.T) {
	stopped, went := 0, 0
	r := newRig(t, restoreConfig)
	base, snapshot := r.prepare(false)
	same, err := r.command("GET", "snapshot?streaming=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.halt()
	for nth := range long(t, 24, 80) {
		if err := os.RemoveAll(filepath.Join(r.dir, "zabra-store")); err != nil {
			t.Fatal(err)
		}
		mem := base.KillClone()
		disk := faultfs.New(mem)
		r.mustStart(disk)
		// A checkpoint that stands at the very zxid that the next mark will name: if
		// the mark stayed, a start would take the log behind it for void.
		if _, err := r.command("POST", "restore", same); err != nil {
			t.Fatal(err)
		}
		rule := faultfs.Rule{Op: restoreSteps[nth%len(restoreSteps)], Nth: nth / len(restoreSteps), Err: syscall.EIO}
		disk.Fail(rule)
		_, failed := r.command("POST", "restore", snapshot)
		fired := disk.Fired()
		disk.Heal()
		want := ""
		switch {
		case failed == nil:
			want = restored
		case r.tryPut("after") == nil:
			want = "after " + present
			went++
		default: // it had to stop
			if err := r.ends(); err == nil {
				t.Errorf("%v: it stopped without an error", rule)
			}
			stopped++
		}
		r.abort()
		r.mustStart(mem)
		if got := r.names(); want == "" && got != restored && got != present || want != "" && got != want {
			t.Errorf("%v number %d fails (%d did): nodes %s, want %s; the restore said %v", rule.Op, rule.Nth, fired, got, want, failed)
		}
		r.halt()
	}
	t.Logf("%d times the server stopped, %d times it went on as before", stopped, went)
}

var restoreSteps = []vfs.Op{vfs.OpCreate, vfs.OpWrite, vfs.OpSync, vfs.OpRename, vfs.OpSyncDir, vfs.OpRemove, vfs.OpPreallocate, vfs.OpOpenReadWrite}

// A fullLogDisk has no room where the log is.
type fullLogDisk struct {
	vfs.FS
	full atomic.Bool
}

func (d *fullLogDisk) Free(dir string) (uint64, error) {
	if d.full.Load() && strings.Contains(dir, "zabra-log") {
		return 1 << 10, nil
	}
	return 1 << 40, nil
}

// A restore for which the log has no room is refused before anything is done, and
// the server goes on.
func TestRestoreWithoutRoomForTheLog(t *testing.T) {
	disk := &fullLogDisk{FS: memfs.New()}
	r := newRig(t, restoreConfig)
	r.mustStart(disk)
	r.put("a")
	snapshot, err := r.command(http.MethodGet, "snapshot", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.put("b")
	disk.full.Store(true)
	if _, err := r.command(http.MethodPost, "restore", snapshot); err == nil {
		t.Error("restored without room")
	}
	r.put("c")
	if got := r.names(); !strings.Contains(got, "a") || !strings.Contains(got, "b") || !strings.Contains(got, "c") {
		t.Errorf("after a restore that was refused: %s", got)
	}
	disk.full.Store(false)
	if _, err := r.command(http.MethodPost, "restore", snapshot); err != nil {
		t.Error(err)
	}
	if got := r.names(); strings.Contains(got, "b") {
		t.Errorf("after the restore: %s", got)
	}
}
