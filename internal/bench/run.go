package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/wire"
)

// Run makes the load of one workload and measures it. When ctx is cancelled it
// stops, cleans up, and returns what it measured until then with Interrupted
// set. With an error there is a result only if all that failed was to clean up.
func Run(ctx context.Context, workload string, o Options) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if !slices.Contains(Workloads(), workload) {
		return nil, fmt.Errorf("no workload %q; there are %s", workload, strings.Join(Workloads(), ", "))
	}
	m, err := newMeter(o.PIDs)
	if err != nil {
		return nil, err
	}
	if workload == "delete" && o.Ops == 0 {
		o.Ops = defaultDeletes
	}
	if workload == "connect" {
		return runStorm(ctx, o, m)
	}
	r := &run{o: o, name: workload, meter: m, root: newRoot(), base: time.Now()}
	return r.do(ctx)
}

// defaultDeletes is how many nodes delete makes and deletes unless Ops says it:
// it cannot go on for a given time.
const defaultDeletes = 200_000

// A run is one execution of a workload.
type run struct {
	o     Options
	name  string
	meter *meter
	root  string
	made  bool      // there may be a root
	base  time.Time // the times of the loops count from here

	layout *layout
	zxid   wire.Zxid // newest of the preparation: servers behind it will not do
	phase  phase
	loops  []*loop
	halt   atomic.Bool
}

func (r *run) clock() int64 { return int64(time.Since(r.base)) }

func (r *run) do(ctx context.Context) (*Result, error) {
	stop := r.phase.report(r.o.Progress)
	defer stop()
	err := r.prepare(ctx)
	var res *Result
	if err == nil {
		res, err = r.load(ctx)
	}
	if !r.made {
		return res, err
	}
	r.phase.enter("clean up")
	if cleanErr := r.cleanUp(ctx); cleanErr != nil {
		err = errors.Join(err, fmt.Errorf("clean up %s: %w", r.root, cleanErr))
	}
	return res, err
}

// prepare makes the nodes that the workload needs.
func (r *run) prepare(ctx context.Context) error {
	r.phase.enter("prepare")
	keys, folders := r.needs()
	r.layout = newLayout(r.root, &r.o, keys, folders)
	if r.name == "idle" {
		return nil
	}
	c, err := connectAny(ctx, &r.o)
	if err != nil {
		return err
	}
	defer c.Close()
	r.made = true
	if err := create(c, r.root); err != nil {
		return err
	}
	u := newBulk(ctx, c)
	u.done = r.phase.add
	err = errors.Join(r.makeNodes(u), u.flush())
	r.zxid = c.LastZxid()
	if err != nil {
		return fmt.Errorf("prepare %s: %w", r.root, err)
	}
	return nil
}

// needs says how many keys and folders the workload begins with.
func (r *run) needs() (keys, folders int) {
	switch r.name {
	case "read", "set", "mixed", "multi":
		return r.o.Keys, 0
	case "watch":
		return 1, 0
	case "create", "ephemeral", "delete":
		return 0, r.o.Connections
	}
	return 0, 0
}

// nodesToDelete is how many nodes are prepared for a connection to delete.
func (r *run) nodesToDelete(conn int) uint64 {
	return uint64(share(r.o.Ops, conn, r.o.Connections))
}

// share is the i-th of k shares of n, as even as can be.
func share(n int64, i, k int) int64 {
	s := n / int64(k)
	if int64(i) < n%int64(k) {
		s++
	}
	return s
}

func (r *run) makeNodes(u *bulk) error {
	if len(r.layout.keys) > 0 {
		if err := u.create(r.root+"/k", nil); err != nil {
			return err
		}
	}
	for _, k := range r.layout.keys {
		if err := u.create(k, r.layout.value); err != nil {
			return err
		}
	}
	for i, f := range r.layout.folder {
		if err := u.create(f, nil); err != nil {
			return err
		}
		nodes := uint64(0)
		if r.name == "delete" {
			nodes = r.nodesToDelete(i)
		}
		for n := range nodes {
			if err := u.createIn(f, n, r.layout.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// load opens the sessions, drives the loops and sums up.
func (r *run) load(ctx context.Context) (*Result, error) {
	r.phase.enter("connect")
	conns, links, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	r.makeLoops(conns)
	started := r.clock()
	r.setWindow(started)
	r.phase.watch(r.loops)

	over := make(chan struct{})
	errs := r.startLoops(links, over)
	r.measure(ctx, over)
	end := r.clock()
	r.phase.enter("drain")
	for range r.loops {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		return nil, err
	}
	return r.sum(ctx, end), nil
}

// measure reads the meter when measuring starts and when it ends.
func (r *run) measure(ctx context.Context, over <-chan struct{}) {
	r.phase.enter("warm-up")
	l := r.loops[0]
	r.waitUntil(ctx, l.start, over)
	r.phase.enter("measure")
	r.meter.read(meterStart)
	r.waitUntil(ctx, l.end, over)
	r.meter.read(meterEnd)
	if ctx.Err() != nil {
		r.halt.Store(true)
	}
}

func (r *run) waitUntil(ctx context.Context, at int64, over <-chan struct{}) {
	t := time.NewTimer(time.Duration(at - r.clock()))
	defer t.Stop()
	select {
	case <-t.C:
	case <-over:
	case <-ctx.Done():
	}
}

// setWindow says when the loops measure.
func (r *run) setWindow(now int64) {
	start, end := now+int64(r.o.WarmUp), int64(math.MaxInt64)
	if r.o.Ops > 0 {
		start = now
	} else {
		end = start + int64(r.o.Duration)
	}
	for _, l := range r.loops {
		l.start, l.end = start, end
	}
}

// startLoops starts every loop in a goroutine. over is closed when the last has
// no more load to make; each loop then sends what drive returned.
func (r *run) startLoops(links []net.Conn, over chan struct{}) <-chan error {
	errs := make(chan error, len(r.loops))
	var busy sync.WaitGroup
	busy.Add(len(r.loops))
	go func() { busy.Wait(); close(over) }()
	drive := driveNative
	if r.o.Portable {
		drive = drivePortable
	}
	for _, l := range r.loops {
		finished := sync.OnceFunc(busy.Done)
		l.finished = finished
		mine := make([]net.Conn, len(l.conns))
		for i, c := range l.conns {
			mine[i] = links[c.id]
		}
		go func() {
			err := drive(l, mine, r.clock, &r.halt)
			finished()
			errs <- err
		}()
	}
	return errs
}

// makeLoops deals the connections out.
func (r *run) makeLoops(conns []*conn) {
	n := min(r.o.Threads, len(conns))
	if r.name == "watch" {
		n = 1 // the setter waits for all watchers
	}
	for i := range n {
		var mine []*conn
		for j := i; j < len(conns); j += n {
			conns[j].slot = len(mine)
			mine = append(mine, conns[j])
		}
		l := newLoop(mine, r.workload(), r.o.Outstanding)
		l.fragile, l.patient = r.name == "watch", r.name == "idle"
		if r.o.Rate > 0 {
			l.interval = 1e9 * float64(n) / r.o.Rate
		}
		if r.o.Ops > 0 && r.name != "watch" && r.name != "delete" {
			l.limit = share(r.o.Ops, i, n)
			l.closing = l.limit == 0
		}
		l.pingAfter = int64(r.o.Timeout) / 3
		r.loops = append(r.loops, l)
	}
}

func (r *run) workload() workload {
	switch r.name {
	case "read":
		return &readWrite{layout: r.layout, reads: 1 << 16}
	case "set":
		return &readWrite{layout: r.layout}
	case "mixed":
		return &readWrite{layout: r.layout, reads: uint64(r.o.ReadRatio * (1 << 16))}
	case "create":
		return &creator{layout: r.layout}
	case "delete":
		return &deleter{layout: r.layout, nodes: r.nodesToDelete}
	case "ephemeral":
		return &ephemeral{layout: r.layout}
	case "multi":
		return &multiSet{layout: r.layout, ops: r.o.MultiOps}
	case "watch":
		return &fanout{layout: r.layout, oneShot: r.o.OneShot, limit: r.o.Ops}
	}
	return silent{}
}

// open opens the sessions. For watch there is one more, which sets.
func (r *run) open(ctx context.Context) ([]*conn, []net.Conn, error) {
	n := r.o.Connections
	if r.name == "watch" {
		n++
	}
	links, sessions, err := openSessions(ctx, &r.o, n, r.zxid, r.phase.add)
	if err != nil {
		return nil, nil, err
	}
	conns := make([]*conn, n)
	now := r.clock()
	for i := range conns {
		conns[i] = &conn{
			id:      i,
			session: sessions[i].Session,
			lastOut: now,
			rng:     rng(0x9e3779b97f4a7c15 * uint64(i+1)),
		}
		// The server may grant less than was asked for.
		r.o.Timeout = min(r.o.Timeout, time.Duration(sessions[i].Timeout)*time.Millisecond)
	}
	return conns, links, nil
}

// sum puts the loops together.
func (r *run) sum(ctx context.Context, end int64) *Result {
	res := r.o.result(r.name)
	switch r.name {
	case "idle":
		res.Outstanding = 0
	case "watch":
		res.Outstanding = 1
	}
	var all, reads, writes Histogram
	first, last := int64(math.MaxInt64), int64(0)
	for _, l := range r.loops {
		reads.Merge(&l.hist[histReads])
		writes.Merge(&l.hist[histWrites])
		first, last = min(first, l.first), max(last, l.last)
		res.addErrors(l.errors)
		res.Lost += l.lost
		res.LostOps += l.lostOps
		if !l.leaving {
			res.LostOps += l.inflight // the server never answered
		}
		if l.failure != nil && res.FirstFailure == "" {
			res.FirstFailure = l.failure.Error()
		}
	}
	all.Merge(&reads)
	all.Merge(&writes)
	if r.o.Ops == 0 {
		first, last = r.loops[0].start, min(end, r.loops[0].start+int64(r.o.Duration))
	}
	res.setOps(&all, time.Duration(max(last-first, 0)))
	if r.name == "mixed" {
		res.Reads, res.Writes = latencyOf(&reads), latencyOf(&writes)
	}
	res.Interrupted = ctx.Err() != nil
	r.meter.report(res)
	if r.name == "idle" && res.ServerUsage != nil {
		res.SessionBytes = float64(res.ServerUsage.Resident-res.ServerUsage.Before) / float64(r.o.Connections)
	}
	return res
}

// cleanUp removes the run's nodes, also when the run was interrupted.
func (r *run) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
	defer cancel()
	c, err := connectAny(ctx, &r.o)
	if err != nil {
		return err
	}
	defer c.Close()
	return removeTree(ctx, c, r.root, r.phase.add)
}

// result is a result with the options that made it.
func (o *Options) result(workload string) *Result {
	return &Result{
		Workload:    workload,
		Server:      strings.Join(o.Servers, ","),
		Connections: o.Connections,
		Outstanding: o.Outstanding,
		Size:        o.Size,
		Rate:        o.Rate,
	}
}
