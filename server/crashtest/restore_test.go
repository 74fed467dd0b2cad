package crashtest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/freeport"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/wire"
)

// withAdmin lets a daemon serve the admin commands and returns their URL.
func (d *daemon) withAdmin() (url string) {
	d.t.Helper()
	port, err := ports.Free()
	if err != nil {
		d.t.Fatal(err)
	}
	d.configure(fmt.Sprintf("admin.enableServer=true\nadmin.serverAddress=127.0.0.1\nadmin.serverPort=%d\nadmin.rateLimiterIntervalInMS=0\n", port))
	return fmt.Sprintf("http://127.0.0.1:%d/commands/", port)
}

// ports are those of servers that are started again where they were.
var ports freeport.Ports

// command sends an admin command and returns the body of its answer.
func command(method, url string, body []byte) ([]byte, error) {
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "ip")
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	got, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", a.Status, got)
	}
	return got, err
}

// dump reads every node but ZooKeeper's own.
func dump(c *conn, path string, into map[string]string) error {
	names, _, err := c.children(path)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "zookeeper" {
			continue
		}
		child := strings.TrimSuffix(path, "/") + "/" + name
		data, stat, err := c.get(child)
		if err != nil {
			return err
		}
		into[child] = fmt.Sprint(stat.Version, " ", data)
		if stat.NumChildren > 0 {
			if err := dump(c, child, into); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *daemon) state() map[string]string {
	d.t.Helper()
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.drop()
	state := map[string]string{}
	if err := dump(c, "/", state); err != nil {
		d.t.Fatal(err)
	}
	return state
}

// populate makes nodes below a directory of its own.
func (d *daemon) populate(dir string, n int) {
	d.t.Helper()
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.drop()
	for i := -1; i < n; i++ {
		path := dir
		if i >= 0 {
			path = fmt.Sprintf("%s/%d", dir, i)
		}
		if _, err := c.create(path, strings.Repeat("x", 200), wire.ModePersistent); err != nil {
			d.t.Fatal(err)
		}
	}
}

// A server that is killed while it restores a snapshot comes back with the state
// before or with the snapshot's, and goes on from there.
func TestKillDuringRestore(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 4))
	d := newDaemon(t, "preAllocSize=256\nsnapCount=500\n")
	admin := d.withAdmin()
	d.mustStart()
	type snapshot struct {
		bytes []byte
		state map[string]string
	}
	var snapshots []snapshot
	for _, dir := range []string{"/a", "/b", "/c"} {
		d.populate(dir, 300)
		b, err := command("GET", admin+"snapshot?streaming=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		snapshots = append(snapshots, snapshot{b, d.state()})
	}
	now := d.state()
	restored, kept, confirmed := 0, 0, 0
	for round := range times(t, "ZABRA_RESTORE_KILLS", 15, 500) {
		target := snapshots[rng.IntN(len(snapshots))]
		loaded := d.loadUntilEnd(round)
		answered := make(chan error, 1)
		go func() {
			_, err := command("POST", admin+"restore", target.bytes)
			answered <- err
		}()
		time.Sleep(time.Duration(rng.IntN(20_000)) * time.Microsecond)
		done := false
		select {
		case err := <-answered:
			if done = err == nil; !done {
				t.Fatalf("round %d: restore: %v", round, err)
			}
			confirmed++
		default:
		}
		d.kill()
		if !done {
			done = <-answered == nil // the answer was on its way
		}
		acked, unknown := loaded()
		d.mustStart()
		got := d.state()
		switch {
		case maps.Equal(got, target.state) || done:
			if !maps.Equal(got, target.state) {
				t.Fatalf("round %d: a restore that was confirmed has %d nodes, the snapshot %d", round, len(got), len(target.state))
			}
			restored++
		default:
			maps.Copy(now, acked)
			for path, data := range unknown {
				if got[path] == data {
					now[path] = data
				}
			}
			if !maps.Equal(got, now) {
				t.Fatalf("round %d: %d nodes are neither the %d before nor the %d of the snapshot", round, len(got), len(now), len(target.state))
			}
			kept++
		}
		now = got
		d.markAndKill(round, now)
	}
	d.kill()
	if report, err := inspect.Verify(osfs.FS{}, d.dirs()); err != nil || len(report.Damage) > 0 {
		t.Errorf("verify: %v, %v", report, err)
	}
	t.Logf("%d kills: %d restored (%d of them confirmed), %d as before", restored+kept, restored, confirmed, kept)
}

// loadUntilEnd creates nodes until its connection ends. What it returns waits for
// that, and tells what was acknowledged and what had no answer.
func (d *daemon) loadUntilEnd(round int) func() (acked, unknown map[string]string) {
	d.t.Helper()
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		d.t.Fatal(err)
	}
	acked, unknown := map[string]string{}, map[string]string{}
	var running sync.WaitGroup
	running.Go(func() {
		defer c.drop()
		for i := 0; ; i++ {
			path := fmt.Sprintf("/load-%d-%d", round, i)
			if _, err := c.create(path, "x", wire.ModePersistent); err != nil {
				unknown[path] = "0 x"
				return
			}
			acked[path] = "0 x"
		}
	})
	return func() (map[string]string, map[string]string) {
		running.Wait()
		return acked, unknown
	}
}

// markAndKill writes, kills and looks whether all is there: the log goes on where
// the restore left it.
func (d *daemon) markAndKill(round int, now map[string]string) {
	d.t.Helper()
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		d.t.Fatal(err)
	}
	for i := range 5 {
		path, err := c.create(fmt.Sprintf("/mark-%d-%d", round, i), "y", wire.ModePersistent)
		if err != nil {
			d.t.Fatal(err)
		}
		now[path] = "0 y"
	}
	d.kill()
	c.drop()
	d.mustStart()
	if got := d.state(); !maps.Equal(got, now) {
		d.t.Fatalf("round %d: %d nodes after one more kill, want %d", round, len(got), len(now))
	}
}

// A snapshot that is taken while clients write is the state at its zxid: that of
// the log up to there.
func TestSnapshotUnderLoad(t *testing.T) {
	d := newDaemon(t, "snapCount=100000\n")
	admin := d.withAdmin()
	d.mustStart()
	d.populate("/p", 500)
	var trees []*datatree.Tree
	loads := []func() (map[string]string, map[string]string){d.loadUntilEnd(1), d.loadUntilEnd(2)}
	for range times(t, "ZABRA_SNAPSHOTS", 10, 200) {
		b, err := command("GET", admin+"snapshot?streaming=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		tree, _, err := datatree.ReadSnapshot(bytes.NewReader(b), wire.NoZxid, datatree.Options{})
		if err != nil {
			t.Fatal(err)
		}
		trees = append(trees, tree)
	}
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, wait := range loads {
		wait()
	}
	replayed := datatree.New()
	moved := 0
	for txn, err := range inspect.Transactions(osfs.FS{}, d.dirs(), inspect.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		for len(trees) > 0 && trees[0].LastZxid() == replayed.LastZxid() {
			if trees[0].Digest() != replayed.Digest() || trees[0].NodeCount() != replayed.NodeCount() || trees[0].SessionCount() != replayed.SessionCount() {
				t.Errorf("the snapshot at %v is not the state there", trees[0].LastZxid())
			}
			trees = trees[1:]
			moved++
		}
		replayed.Apply(txn)
	}
	if moved < 2 || len(trees) > 0 {
		t.Errorf("%d snapshots compared, %d left", moved, len(trees))
	}
}
