package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A rig is a server whose log is on a file system of the test's choice. The
// store of the checkpoints is on the real disk in any case.
type rig struct {
	t      testing.TB
	dir    string
	config string
	log    *lines
	server *server.Server
	stop   context.CancelFunc
	ended  chan error
}

// Small segments, so that a test sees many of them.
const rigDefaults = `clientPort=0
clientPortAddress=127.0.0.1
admin.enableServer=false
tickTime=500
maxClientCnxns=0
preAllocSize=16
snapCount=1000000
`

func newRig(t testing.TB, config string) *rig {
	t.Helper()
	r := &rig{t: t, dir: filepath.ToSlash(t.TempDir()), log: new(lines)}
	r.config = rigDefaults + "dataDir=" + r.dir + "\n" + config
	t.Cleanup(func() {
		r.halt()
		if t.Failed() {
			log := r.log.String()
			t.Logf("end of the server's log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return r
}

// start starts the server, which must not run, on a file system.
func (r *rig) start(fsys vfs.FS) error {
	r.t.Helper()
	cfg, _, err := zoocfg.Parse("zoo.cfg", []byte(r.config))
	if err != nil {
		r.t.Fatal(err)
	}
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	r.server, err = server.Open(cfg, fsys, zap.New(zapcore.NewCore(enc, r.log, zap.InfoLevel)))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.ended = stop, make(chan error, 1)
	go func() { r.ended <- r.server.Run(ctx) }()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		c, err := r.dial(rawclient.Options{})
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-r.ended: // at the first write of a session
			r.stop()
			r.stop = nil
			return err
		default:
		}
		if time.Now().After(end) {
			r.t.Fatalf("the server does not serve: %v", err)
		}
	}
}

func (r *rig) mustStart(fsys vfs.FS) {
	r.t.Helper()
	if err := r.start(fsys); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) dial(o rawclient.Options) (*rawclient.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := rawclient.Dial(ctx, r.server.Addrs()[0].String(), o)
	if err == nil {
		_ = c.SetDeadline(time.Now().Add(patience))
	}
	return c, err
}

// ends waits for Run to end and returns its error.
func (r *rig) ends() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		r.stop()
		r.stop = nil
		return err
	case <-time.After(patience):
		r.t.Fatal("the server does not end")
		return nil
	}
}

// halt asks the server to stop, if it runs.
func (r *rig) halt() {
	if r.stop == nil {
		return
	}
	r.stop()
	if err := r.ends(); err != nil {
		r.t.Errorf("the server stopped with %v", err)
	}
}

// abort asks the server to stop, if it runs, whatever comes of it.
func (r *rig) abort() {
	if r.stop != nil {
		r.stop()
		_ = r.ends()
	}
}

// A ledger is what was acknowledged: the highest version of each node.
type ledger struct {
	mu    sync.Mutex
	acked map[string]int32
	n     int
}

func (l *ledger) note(path string, version int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[path] = version
	l.n++
}

// load creates nodes and sets their data, from several sessions, until the
// connections end. Every node's data is its version.
func (r *rig) load(sessions int, prefix string) (*ledger, *sync.WaitGroup) {
	r.t.Helper()
	l := &ledger{acked: map[string]int32{}}
	var running sync.WaitGroup
	for s := range sessions {
		c, err := r.dial(rawclient.Options{Timeout: patience})
		if err != nil {
			r.t.Fatal(err)
		}
		running.Go(func() {
			defer func() { _ = c.Abandon() }()
			for i := 0; l.writeNode(c, fmt.Sprintf("/%s-%d-%d", prefix, s, i)) == nil; i++ {
			}
		})
	}
	return l, &running
}

func (l *ledger) writeNode(c *rawclient.Conn, path string) error {
	data := func(v int32) []byte { return []byte(fmt.Sprintf("%s@%d", path, v)) }
	if err := c.Do(wire.OpCreate, &wire.CreateRequest{Path: path, Data: data(0), ACL: anyone}, nil); err != nil {
		return err
	}
	l.note(path, 0)
	for v := int32(1); v < 3; v++ {
		if err := c.Do(wire.OpSetData, &wire.SetDataRequest{Path: path, Data: data(v), Version: v - 1}, nil); err != nil {
			return err
		}
		l.note(path, v)
	}
	return nil
}

// check wants everything that was acknowledged, or what was asked for after it.
func (l *ledger) check(r *rig) {
	r.t.Helper()
	c, err := r.dial(rawclient.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = c.Abandon() }()
	l.mu.Lock()
	defer l.mu.Unlock()
	for path, version := range l.acked {
		var got wire.GetDataResponse
		if err := c.Do(wire.OpGetData, &wire.PathWatchRequest{Path: path}, &got); err != nil {
			r.t.Errorf("%s, acknowledged with version %d: %v", path, version, err)
			continue
		}
		v := got.Stat.Version
		if v != version && v != version+1 || string(got.Data) != fmt.Sprintf("%s@%d", path, v) {
			r.t.Errorf("%s: version %d, data %q; acknowledged was version %d", path, v, got.Data, version)
		}
	}
}

// fault returns what shall fail at random: an operation on the log, and how.
func fault(rng *rand.Rand) faultfs.Rule {
	kinds := []struct {
		op  vfs.Op
		err error
	}{
		{vfs.OpSync, syscall.EIO}, {vfs.OpSync, syscall.ENOSPC}, {vfs.OpWrite, syscall.EIO},
		{vfs.OpWrite, &vfs.ShortWrite{N: 50, Err: syscall.ENOSPC}}, {vfs.OpSyncDir, syscall.EIO}, {vfs.OpRename, syscall.EIO},
	}
	k := kinds[0]
	if rng.IntN(2) == 0 {
		k = kinds[rng.IntN(len(kinds))]
	}
	nth := rng.IntN(60)
	if k.op == vfs.OpSyncDir || k.op == vfs.OpRename {
		nth = rng.IntN(3) // there is one for each segment
	}
	return faultfs.Rule{Op: k.op, Path: "zabra-log", Nth: nth, Err: k.err}
}

// A disk that fails once stops the server: nothing is acknowledged after it,
// nothing is tried again, and the next start, after a failure of power too,
// finds what was acknowledged.
func TestFailingDiskStopsTheServer(t *testing.T) {
	runs := long(t, 16, 500)
	var slowest atomic.Int64
	var acked int
	for seed := range runs {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		rule := fault(rng)
		t.Run(fmt.Sprintf("%d-%v-%d", seed, rule.Op, rule.Nth), func(t *testing.T) {
			mem := memfs.New()
			disk := faultfs.New(mem)
			var failed, changes atomic.Int64 // when; and operations after it
			watched := vfs.Intercept(disk, vfs.Hooks{After: func(c vfs.Call, err error) {
				switch {
				case strings.HasSuffix(c.Path, "prealloc"): // of a segment that nobody needs yet
				case err != nil && disk.Fired() > 0:
					failed.CompareAndSwap(0, time.Now().UnixNano())
				case failed.Load() != 0 && c.Op.Changes() && strings.Contains(c.Path, "zabra-log"):
					changes.Add(1)
				}
			}})
			r := newRig(t, "")
			r.mustStart(watched)
			ledger, running := r.load(4, "n")
			disk.Fail(rule)
			err := r.ends()
			if err == nil || disk.Fired() == 0 {
				t.Fatalf("the server ended with %v after %d faults", err, disk.Fired())
			}
			if at := failed.Load(); at != 0 {
				slowest.Store(max(slowest.Load(), time.Now().UnixNano()-at))
			}
			running.Wait()
			if n := changes.Load(); n > 0 {
				t.Errorf("%d changes of the log after the fault", n)
			}
			acked += ledger.n
			r.mustStart(mem.CrashClone(rng))
			ledger.check(r)
			if rule.Op == vfs.OpSync {
				r.halt()
				r.mustStart(mem.KillClone())
				ledger.check(r)
			}
		})
	}
	t.Logf("%d faults, %d acknowledged writes, slowest stop %v", runs, acked, time.Duration(slowest.Load()))
}

// While the disk is full, what was written can be read, sessions live, and no write
// is acknowledged; when there is room the server goes on by itself. It can also be
// stopped then, or lose its power, and has everything that was acknowledged.
func TestFullDisk(t *testing.T) {
	const timeout = 3 * time.Second
	mem := memfs.New()
	disk := faultfs.New(mem)
	r := newRig(t, "")
	r.mustStart(disk)
	for round := range long(t, 3, 48) {
		alive, err := r.dial(rawclient.Options{Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		mine := fmt.Sprintf("/alive-%d", round)
		if err := alive.Do(wire.OpCreate, &wire.CreateRequest{Path: mine, ACL: anyone, Flags: int32(wire.ModeEphemeral)}, nil); err != nil {
			t.Fatal(err)
		}
		ledger, running := r.load(4, fmt.Sprint(round))
		disk.LimitSpace(int64(20_000+10_000*round), syscall.ENOSPC)
		// The writers are dropped one by one; until the last is, and for more than
		// the session's timeout after it, the other client reads.
		gone := make(chan struct{})
		go func() { running.Wait(); close(gone) }()
		for writing, since := true, time.Now(); writing || time.Since(since) < 3*timeout/2; time.Sleep(timeout / 20) {
			if err := alive.Do(wire.OpExists, &wire.PathWatchRequest{Path: mine}, nil); err != nil {
				t.Fatalf("round %d: a read while the disk is full: %v", round, err)
			}
			select {
			case <-gone:
				if writing {
					writing, since = false, time.Now()
				}
			default:
			}
		}
		if ledger.n == 0 {
			t.Error("nothing was acknowledged: the test shows nothing")
		}
		if want := "writes wait, everything else is served"; !strings.Contains(r.server.Trouble(), want) {
			t.Errorf("its trouble is %q", r.server.Trouble())
		}
		switch round % 3 {
		case 0:
			disk.Heal()
		case 1: // with the power
			clone := mem.CrashClone(rand.New(rand.NewPCG(uint64(round), 3)))
			r.halt()
			mem, disk = clone, faultfs.New(clone)
			r.mustStart(disk)
		case 2: // asked to
			began := time.Now()
			r.halt()
			if took := time.Since(began); took > patience/3 {
				t.Errorf("stopped after %v", took)
			}
			disk.Heal()
			r.mustStart(disk)
		}
		ledger.check(r)
		if round%3 != 0 {
			continue
		}
		if err := alive.Do(wire.OpSetData, &wire.SetDataRequest{Path: mine, Version: -1}, nil); err != nil {
			t.Errorf("round %d: a write with room again: %v", round, err)
		}
		if r.server.Trouble() != "" {
			t.Errorf("its trouble is %q", r.server.Trouble())
		}
		_ = alive.Abandon()
	}
	for _, line := range []string{"the disk is full: writes wait", "there is room on the disk again"} {
		if n := strings.Count(r.log.String(), line); n < 1 || n > 100 {
			t.Errorf("%q is in the log %d times", line, n)
		}
	}
}

// While the disk stalls, pings and reads are answered and no session is lost.
func TestSlowDiskLosesNoSession(t *testing.T) {
	const stall, timeout = 6 * time.Second, 4 * time.Second
	var slow atomic.Bool
	stalled, goesOn := make(chan struct{}, 1000), make(chan struct{})
	disk := vfs.Intercept(memfs.New(), vfs.Hooks{Before: func(c vfs.Call) error {
		if c.Op == vfs.OpSync && slow.CompareAndSwap(true, false) {
			stalled <- struct{}{}
			<-goesOn
		}
		return nil
	}})
	r := newRig(t, "")
	r.mustStart(disk)
	var clients []*rawclient.Conn
	for i := range 20 {
		c, err := r.dial(rawclient.Options{Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Do(wire.OpCreate, &wire.CreateRequest{Path: fmt.Sprint("/e", i), ACL: anyone, Flags: int32(wire.ModeEphemeral)}, nil); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	slow.Store(true)
	writer := clients[0]
	writer.Send(wire.OpCreate, &wire.CreateRequest{Path: "/slow", ACL: anyone})
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	<-stalled
	goOn := sync.OnceFunc(func() { close(goesOn) })
	defer goOn()
	began, pings := time.Now(), 0
	for time.Since(began) < stall {
		for _, c := range clients[1:] {
			var stat wire.StatResponse
			if err := c.Do(wire.OpExists, &wire.PathWatchRequest{Path: "/e0"}, &stat); err != nil {
				t.Fatalf("a read while the disk stalls: %v", err)
			}
			if err := c.Do(wire.OpExists, &wire.PathWatchRequest{Path: "/slow"}, nil); err != wire.NoNode {
				t.Fatalf("a write is visible before it is durable: %v", err)
			}
			pings++
		}
		if err := writer.Ping(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(timeout / 20)
	}
	goOn()
	if h, _, err := writer.Recv(); err != nil || h.Err != wire.OK {
		t.Fatalf("the write that was held up: %v, %v", h.Err, err)
	}
	for i, c := range clients {
		if err := c.Do(wire.OpExists, &wire.PathWatchRequest{Path: fmt.Sprint("/e", i)}, nil); err != nil {
			t.Errorf("session %d: %v", i, err)
		}
	}
	t.Logf("%d reads answered during a stall of %v; 20 sessions of %v live", pings, stall, timeout)
}

// Whenever a reply has reached a client, the write is on the disk: a machine that
// loses power at that very moment comes back with it.
func TestEveryReplyIsDurable(t *testing.T) {
	mem := memfs.New()
	r := newRig(t, "")
	r.mustStart(mem)
	const sessions = 4
	each := long(t, 60, 5000)
	dir := filepath.Join(r.dir, "zabra-log")
	var running sync.WaitGroup
	for s := range sessions {
		c, err := r.dial(rawclient.Options{Timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(s), 9))
			for i := range each {
				if err := c.Do(wire.OpCreate, &wire.CreateRequest{Path: fmt.Sprintf("/%d-%d", s, i), ACL: anyone}, nil); err != nil {
					t.Errorf("session %d: %v", s, err)
					return
				}
				// The clone is what is on the disk now, so take it at once.
				log, err := txnlog.Open(mem.CrashClone(rng), dir, txnlog.Options{})
				if err != nil {
					t.Errorf("after reply %v: %v", c.LastZxid(), err)
					return
				}
				if log.Last() < c.LastZxid() {
					t.Errorf("reply %v has left, and the disk ends at %v", c.LastZxid(), log.Last())
				}
				_ = log.Close()
			}
		})
	}
	running.Wait()
	t.Logf("%d replies, each followed by a failure of power", sessions*each)
}

// A tight disk says that it has less room than it has.
type tight struct {
	vfs.FS
	free *atomic.Uint64
}

func (d tight) Free(string) (uint64, error) { return d.free.Load(), nil }

// On a disk with little room no checkpoint is written, since Badger would end the
// process; the server goes on, and says why it has none.
func TestNoCheckpointWithoutRoom(t *testing.T) {
	free := new(atomic.Uint64)
	free.Store(100 << 20)
	mem := tight{memfs.New(), free}
	r := newRig(t, "snapCount=10\n")
	r.mustStart(mem)
	ledger := &ledger{acked: map[string]int32{}}
	c, err := r.dial(rawclient.Options{Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	write := func(until func() bool) {
		for i, end := 0, time.Now().Add(patience); !until(); i++ {
			if err := ledger.writeNode(c, fmt.Sprintf("/%d-%d", ledger.n, i)); err != nil {
				t.Fatal(err)
			}
			if time.Now().After(end) {
				t.Fatal("waited in vain")
			}
		}
	}
	write(func() bool { return strings.Contains(r.log.String(), "100 MiB free") })
	free.Store(1 << 40)
	write(func() bool { return strings.Contains(r.log.String(), "checkpoint written") })
	r.halt()
	free.Store(1 << 20)
	var full *server.RoomError
	if err := r.start(mem); !errors.As(err, &full) {
		t.Errorf("start without room: %v", err)
	}
	free.Store(1 << 40)
	r.mustStart(mem)
	ledger.check(r)
}
