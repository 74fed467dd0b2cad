package client_test

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/client"
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
	tree := must(c.AddWatch(ctx, "/", true))(t)
	r.Cut(true)
	other := r.open(client.Options{Dial: r.Server.Way().Dial})
	must(other.Set(ctx, "/a", []byte("x"), client.AnyVersion))(t)
	must(other.Create(ctx, "/b", nil))(t)
	r.Unblock()
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
