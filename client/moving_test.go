package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

// A name is asked for anew at every attempt, and each of its addresses is tried.
func TestNamesMove(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	addrs := []string{"10.0.0.1"}
	dialled := map[string]int{}
	c := r.openNamed("zoo.example:2181", client.Options{
		Resolve: func(_ context.Context, host string) ([]string, error) {
			mu.Lock()
			defer mu.Unlock()
			if host != "zoo.example" {
				return nil, errors.New("who is that?")
			}
			return slices.Clone(addrs), nil
		},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			dialled[address]++
			mu.Unlock()
			return r.Dial(ctx, network, address)
		},
	})
	mu.Lock()
	if len(dialled) != 1 || dialled["10.0.0.1:2181"] == 0 { // more than once if the machine is busy
		t.Error(dialled)
	}
	addrs = []string{"10.0.0.2", "fd00::3"}
	clear(dialled)
	mu.Unlock()
	all := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return dialled["10.0.0.2:2181"] > 0 && dialled["[fd00::3]:2181"] > 0
	}
	for range 100 {
		r.Cut(false)
		if _, _, err := c.Get(t.Context(), "/"); err != nil {
			t.Fatal(err)
		}
		if all() {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(dialled) != 2 {
		t.Error(dialled)
	}
}

func (r *rig) openNamed(servers string, o client.Options) *client.Client {
	r.t.Helper()
	c, err := client.Open(r.t.Context(), servers+r.Root, o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// A resolver that hangs holds up one attempt, not the client.
func TestResolverThatHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var asked atomic.Int64
	c := r.openNamed("zoo.example", client.Options{
		Dial: r.Dial, ConnectTimeout: brief,
		Resolve: func(ctx context.Context, _ string) ([]string, error) {
			if asked.Add(1) < 3 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return []string{"10.0.0.1"}, nil
		},
	})
	if _, _, err := c.Get(t.Context(), "/"); err != nil || asked.Load() < 3 {
		t.Error(err, asked.Load())
	}
}

// Without a quorum there are reads, if they are wanted; a server that has one is gone to.
func TestReadOnly(t *testing.T) {
	var quorum atomic.Bool
	member := func(readOnly bool) func(*fakeConn) {
		return func(c *fakeConn) {
			var first [4]byte
			if _, err := io.ReadFull(c, first[:]); err != nil {
				return
			}
			usable := readOnly || quorum.Load()
			if string(first[:]) == "isro" {
				answer := map[bool]string{true: "ro", false: "rw"}[readOnly]
				if usable {
					io.WriteString(c, answer)
				}
				return
			}
			if _, err := io.CopyN(io.Discard, c, int64(first[2])<<8|int64(first[3])); err != nil || !usable {
				return
			}
			c.send(&wire.ConnectResponse{Timeout: 10000, Session: 1, Passwd: make([]byte, 16), ReadOnly: readOnly, HasReadOnly: true})
			for h, _, ok := c.next(); ok; h, _, ok = c.next() {
				if readOnly && h.Op == wire.OpSetData {
					c.reply(h.Xid, wire.NotReadOnly)
				} else {
					c.answer(h)
				}
			}
		}
	}
	lonely, good := play(t, member(true)), play(t, member(false))
	ctx := soon(t, 2*time.Minute)
	c, err := client.Open(ctx, lonely.addr+","+good.addr, client.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	states := c.States(ctx)
	if ch := await(t, states, client.ConnectedReadOnly); ch.Server != lonely.addr {
		t.Error(ch)
	}
	if data, _, err := c.Get(ctx, "/"); err != nil || string(data) != "x" {
		t.Error(err)
	}
	if _, err := c.Set(ctx, "/", nil, 0); !errors.Is(err, client.ErrNotReadOnly) {
		t.Error(err)
	}
	quorum.Store(true)
	if ch := await(t, states, client.Connected); ch.Server != good.addr {
		t.Error(ch)
	}
}

// ledger writes down what Metrics are told.
type ledger struct {
	mu     sync.Mutex
	calls  map[string]int
	states []client.State
	events map[client.EventType]int
}

func (l *ledger) Call(op string, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if took <= 0 || took > time.Minute {
		op = fmt.Sprintf("%s took %v", op, took)
	}
	if err != nil {
		op += " failed"
	}
	l.calls[op]++
}

func (l *ledger) State(s client.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = append(l.states, s)
}

func (l *ledger) Event(t client.EventType) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[t]++
}

// What a client does is counted, and its connections are in the log, without secrets.
func TestMetricsAndLog(t *testing.T) {
	ctx, r := t.Context(), newRig(t)
	m := &ledger{calls: map[string]int{}, events: map[client.EventType]int{}}
	var log struct {
		sync.Mutex
		bytes.Buffer
	}
	c := r.open(client.Options{
		Metrics: m, Logger: slog.New(slog.NewTextHandler(lockedWriter{&log.Mutex, &log.Buffer}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Auth: []client.Auth{{Scheme: "digest", Data: []byte("ann:hidden")}},
	})
	states := c.States(ctx)
	w := must(c.AddWatch(ctx, "/", true))(t)
	must(c.Create(ctx, "/a", nil))(t)
	next(t, w)
	c.Get(ctx, "/nothing")
	c.Async().Get(ctx, "/a", nil).Wait(ctx)
	await(t, states, client.Connected)
	r.Cut(false)
	await(t, states, client.Connecting)
	await(t, states, client.Connected)
	c.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	want := map[string]int{"addWatch": 1, "create2": 1, "getData failed": 1, "getData": 1, "closeSession": 1}
	if fmt.Sprint(m.calls) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", m.calls, want)
	}
	if want := "[connected connecting connected connecting closed]"; fmt.Sprint(m.states) != want && fmt.Sprint(m.states) != "[connected connecting connected closed]" {
		t.Errorf("%v, want %v", m.states, want)
	}
	if m.events[client.EventCreated] != 1 {
		t.Error(m.events)
	}
	log.Lock()
	defer log.Unlock()
	text := log.String()
	if strings.Count(text, "msg=connected") != 2 || !strings.Contains(text, "msg=disconnected") || strings.Contains(text, "hidden") {
		t.Error(text)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
