package client_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

func TestOneShotWatches(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c, other := r.open(client.Options{}), r.open(client.Options{})
	_, _, made, err := c.ExistsW(ctx, "/a")
	if err != nil {
		t.Fatal(err)
	}
	must(other.Create(ctx, "/a", nil))(t)
	if e := next(t, made); e.Type != client.EventCreated || e.Path != "/a" {
		t.Error(e)
	}
	if _, open := <-made.C; open {
		t.Error("a second event of a one-shot watch")
	}
	_, _, data, err := c.GetW(ctx, "/a")
	if err != nil {
		t.Fatal(err)
	}
	_, _, children, err := c.ChildrenW(ctx, "/a")
	if err != nil {
		t.Fatal(err)
	}
	must(other.Create(ctx, "/a/b", nil))(t)
	if e := next(t, children); e.Type != client.EventChildrenChanged {
		t.Error(e)
	}
	must(other.Set(ctx, "/a", nil, client.AnyVersion))(t)
	if e := next(t, data); e.Type != client.EventDataChanged {
		t.Error(e)
	}
}

// What happens while a client is away is told when it is back.
func TestWatchesOutliveConnections(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{})
	must(c.Create(ctx, "/a", nil))(t)
	_, _, data, err := c.GetW(ctx, "/a")
	if err != nil {
		t.Fatal(err)
	}
	_, _, made, err := c.ExistsW(ctx, "/b")
	if err != nil {
		t.Fatal(err)
	}
	_, _, children, err := c.ChildrenW(ctx, "/")
	if err != nil {
		t.Fatal(err)
	}
	tree := must(c.AddWatch(ctx, "/", true))(t)
	node := must(c.AddWatch(ctx, "/a", false))(t)
	r.Cut(true)
	other := r.open(client.Options{Dial: r.Server.Way().Dial})
	must(other.Set(ctx, "/a", []byte("x"), client.AnyVersion))(t)
	must(other.Create(ctx, "/b", nil))(t)
	r.Unblock()
	if e := next(t, children); e.Type != client.EventChildrenChanged || e.Path != "/" {
		t.Error(e)
	}
	if e := next(t, node); e.Type != client.EventGap {
		t.Error(e)
	}
	if e := next(t, data); e.Type != client.EventDataChanged {
		t.Error(e)
	}
	if e := next(t, made); e.Type != client.EventCreated {
		t.Error(e)
	}
	if e := next(t, tree); e.Type != client.EventGap {
		t.Error(e)
	}
	must(other.Create(ctx, "/a/deep", nil))(t)
	for next(t, tree).Path != "/a/deep" {
		// What the one-shot watches were told late comes here, too.
	}
	for next(t, node).Type != client.EventChildrenChanged { // by /a/deep
	}
}

// So many watches that no request would have room for all of them are set again, too.
func TestManyWatchesOutliveAConnection(t *testing.T) {
	const n, most = 6000, 1 << 20
	ctx, r := t.Context(), newRig(t)
	c, other := r.open(client.Options{}), r.open(client.Options{Dial: r.Server.Way().Dial})
	path := func(i int) string { return fmt.Sprintf("/%s%d", strings.Repeat("n", 200), i) }
	if n*len(path(0)) < most {
		t.Fatal("they are too few")
	}
	watches := make([]*client.Watch, n)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := g; i < n; i += 16 {
				_, _, w, err := c.ExistsW(ctx, path(i))
				if err != nil {
					t.Error(err)
					return
				}
				watches[i] = w
			}
		})
	}
	if wg.Wait(); t.Failed() {
		return
	}
	r.Cut(true)
	made := func(from, to int) {
		t.Helper()
		for from < to {
			txn := new(client.Txn)
			for ; from < to && txn.Len() < 500; from++ {
				txn.Create(path(from), nil)
			}
			must(other.Commit(ctx, txn))(t)
		}
	}
	made(0, n/2) // of which it is told when it is back
	r.Unblock()
	if err := c.Sync(ctx, "/"); err != nil { // behind the watches
		t.Fatal(err)
	}
	made(n/2, n)
	for i, w := range watches {
		if e := next(t, w); e.Type != client.EventCreated || e.Path != path(i) {
			t.Fatal(i, e)
		}
	}
}

func TestPersistentWatchCloses(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	first := must(c.AddWatch(ctx, "/p", false))(t)
	second := must(c.AddWatch(ctx, "/p", false))(t)
	must(c.Create(ctx, "/p", nil))(t)
	next(t, first)
	next(t, second)
	first.Close()
	must(c.Set(ctx, "/p", nil, client.AnyVersion))(t)
	if e := next(t, second); e.Type != client.EventDataChanged {
		t.Error(e)
	}
	second.Close()
	second.Close()
	third := must(c.AddWatch(ctx, "/p", false))(t)
	must(c.Set(ctx, "/p", nil, client.AnyVersion))(t)
	if e := next(t, third); e.Type != client.EventDataChanged {
		t.Error(e)
	}
	for range first.C {
		t.Error("an event behind Close")
	}
}

// Nobody reads: memory is bounded, and the reader learns that it missed something.
func TestEventsThatNobodyTakes(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{MaxQueuedEvents: 100})
	w := must(c.AddWatch(ctx, "/", true))(t)
	for i := range 500 {
		must(c.Create(ctx, fmt.Sprintf("/%d", i), nil))(t)
	}
	seen, gap := 0, false
	for !gap || seen < 1 {
		switch e := next(t, w); e.Type {
		case client.EventGap:
			gap = true
		default:
			seen++
		}
		if seen > 400 {
			t.Fatal("no gap")
		}
	}
	must(c.Create(ctx, "/last", nil))(t)
	for {
		if e := next(t, w); e.Path == "/last" {
			break
		}
	}
}

// An event is there before any answer that shows its change.
func TestEventBeforeAnswer(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c, other := r.open(client.Options{}), r.open(client.Options{})
	must(c.Create(ctx, "/a", nil))(t)
	for i := range 200 {
		_, st, w, err := c.GetW(ctx, "/a")
		if err != nil {
			t.Fatal(err)
		}
		go other.Set(ctx, "/a", []byte{byte(i)}, client.AnyVersion)
		for {
			_, now, err := c.Get(ctx, "/a")
			if err != nil {
				t.Fatal(err)
			}
			if now.Version == st.Version {
				continue
			}
			select {
			case <-w.C:
			default:
				t.Fatal("the change was seen before its event")
			}
			break
		}
	}
}

func TestLinearizable(t *testing.T) {
	ctx, r := t.Context(), newRig(t)
	c := r.open(client.Options{Linearizable: true})
	must(c.Create(ctx, "/a", nil))(t)
	for range 100 {
		st := must(c.Set(ctx, "/a", nil, client.AnyVersion))(t)
		if _, now, err := c.Get(ctx, "/a"); err != nil || now.Version < st.Version {
			t.Fatal(now, err)
		}
	}
	r.Cut(false)
	if _, _, err := c.Get(ctx, "/a"); err != nil {
		t.Error(err)
	}
}

// eventCount counts the events that a server has sent.
type eventCount struct{ n atomic.Int32 }

func (e *eventCount) Call(string, time.Duration, error) {}
func (e *eventCount) State(client.State)                {}
func (e *eventCount) Event(client.EventType)            { e.n.Add(1) }

// A one-shot watch that is closed is gone from the server, too, unless somebody else
// relies on it.
func TestOneShotWatchCloses(t *testing.T) {
	ctx, r, sent := t.Context(), newRig(t), new(eventCount)
	c, other := r.open(client.Options{Metrics: sent}), r.open(client.Options{})
	must(c.Create(ctx, "/a", nil))(t)
	data := func() *client.Watch { _, _, w, err := c.GetW(ctx, "/a"); return must(w, err)(t) }
	exists := func(path string) *client.Watch { _, _, w, err := c.ExistsW(ctx, path); return must(w, err)(t) }
	children := func() *client.Watch { _, _, w, err := c.ChildrenW(ctx, "/a"); return must(w, err)(t) }
	change := func() {
		t.Helper()
		must(other.Set(ctx, "/a", nil, client.AnyVersion))(t)
		must(other.Create(ctx, "/a/child", nil))(t)
		must(other.Create(ctx, "/b", nil))(t)
		for _, path := range []string{"/a/child", "/b"} {
			if err := other.Delete(ctx, path, client.AnyVersion); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Sync(ctx, "/"); err != nil { // behind all events
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		watches func() (closed, open []*client.Watch)
		events  int32
	}{
		"all": {func() (closed, open []*client.Watch) {
			return []*client.Watch{data(), exists("/a"), exists("/b"), children()}, nil
		}, 0},
		"one of two":    {func() (closed, open []*client.Watch) { return []*client.Watch{data()}, []*client.Watch{data()} }, 1},
		"another table": {func() (closed, open []*client.Watch) { return []*client.Watch{data()}, []*client.Watch{children()} }, 1},
		"the other way": {func() (closed, open []*client.Watch) {
			return []*client.Watch{children()}, []*client.Watch{exists("/a")}
		}, 1},
		"one of the same": {func() (closed, open []*client.Watch) { return []*client.Watch{exists("/a")}, []*client.Watch{data()} }, 1},
		"what is not there": {func() (closed, open []*client.Watch) {
			return []*client.Watch{exists("/b")}, []*client.Watch{exists("/b")}
		}, 1},
		"beside one for good": {func() (closed, open []*client.Watch) {
			return []*client.Watch{data()}, []*client.Watch{must(c.AddWatch(ctx, "/a", false))(t)}
		}, -1},
	} {
		sent.n.Store(0)
		closed, open := tc.watches()
		for _, w := range closed {
			w.Close()
			w.Close()
		}
		if err := c.Sync(ctx, "/"); err != nil { // nobody waits for a watch to be gone
			t.Fatal(err)
		}
		change()
		if n := sent.n.Load(); n != tc.events && tc.events >= 0 {
			t.Errorf("%s: %d events, want %d", name, n, tc.events)
		}
		for _, w := range open {
			next(t, w)
			w.Close()
		}
	}
}

// Who asks for a watch while others close theirs of the same node gets its event.
func TestWatchBesideThoseThatClose(t *testing.T) {
	ctx, r := t.Context(), newRig(t)
	c, other := r.open(client.Options{}), r.open(client.Options{})
	must(c.Create(ctx, "/a", nil))(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, w, err := c.GetW(ctx, "/a"); err == nil {
					w.Close()
				}
			}
		})
	}
	for range 300 {
		_, _, w, err := c.GetW(ctx, "/a")
		if err != nil {
			t.Fatal(err)
		}
		must(other.Set(ctx, "/a", nil, client.AnyVersion))(t)
		next(t, w)
	}
	close(stop)
	wg.Wait()
}

// A watch that is closed is left to the server while another one of its kind is being
// asked for: the server would end both.
func TestWatchThatIsAskedForKeepsTheServers(t *testing.T) {
	asked, ops, release := make(chan struct{}), make(chan wire.OpCode, 10), make(chan struct{})
	f := play(t, func(fc *fakeConn) {
		var held wire.RequestHeader
		for h := range fc.requests(1) {
			switch {
			case h.Op == wire.OpGetData && held.Op == 0:
				held.Op = h.Op
				fc.answer(h)
			case h.Op == wire.OpGetData:
				held = h
				close(asked)
			case h.Op == wire.OpSync:
				<-release
				fc.answer(held)
				fc.answer(h)
			default:
				ops <- h.Op
				fc.answer(h)
			}
		}
	})
	ctx, c := soon(t, time.Minute), openFake(t, f, client.Options{})
	_, _, first, err := c.GetW(ctx, "/a")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *client.Watch, 1)
	go func() {
		_, _, w, _ := c.GetW(ctx, "/a")
		got <- w
	}()
	<-asked
	first.Close()
	close(release)
	if err := c.Sync(ctx, "/"); err != nil { // behind what Close may have sent
		t.Fatal(err)
	}
	if len(ops) != 0 {
		t.Fatal("the server was sent", <-ops)
	}
	(<-got).Close()
	if op := <-ops; op != wire.OpRemoveWatches {
		t.Error(op)
	}
}

// Servers before 3.9 would take a persistent watch for one of the same path that is
// closed.
func TestWatchBesideOneForGoodKeepsTheServers(t *testing.T) {
	ops := make(chan wire.OpCode, 10)
	f := play(t, func(fc *fakeConn) {
		for h := range fc.requests(1) {
			ops <- h.Op
			fc.answer(h)
		}
	})
	ctx, c := soon(t, time.Minute), openFake(t, f, client.Options{})
	_, _, once, err := c.GetW(ctx, "/a")
	if err != nil {
		t.Fatal(err)
	}
	must(c.AddWatch(ctx, "/a", false))(t)
	once.Close()
	if err := c.Sync(ctx, "/"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []wire.OpCode{wire.OpGetData, wire.OpAddWatch, wire.OpSync} {
		if op := <-ops; op != want {
			t.Errorf("the server was sent %v, want %v", op, want)
		}
	}
}
