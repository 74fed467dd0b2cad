package client_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

// A callback may make calls, wait for them and find no room: its client goes on reading.
func TestCallbacksMakeCalls(t *testing.T) {
	const calls = 1000
	ctx := soon(t, 10*time.Minute)
	r := newRig(t)
	for _, most := range []int{1, 2, 16} {
		c := r.open(client.Options{MaxCalls: most})
		var wg sync.WaitGroup
		var made atomic.Int64
		var then func(client.Data, error)
		begin := func() {
			wg.Add(1)
			c.Async().Get(ctx, "/", then)
		}
		then = func(_ client.Data, err error) {
			defer wg.Done()
			if err != nil {
				t.Error(err)
			}
			for range 2 {
				if made.Add(1) <= calls {
					begin()
				}
			}
			if _, _, err := c.Get(ctx, "/"); err != nil {
				t.Error(err)
			}
		}
		for range 4 {
			wg.Go(func() {
				for range calls / 4 {
					begin()
				}
			})
		}
		wg.Wait()
		if n := made.Load(); n < calls {
			t.Errorf("%d calls", n)
		}
	}
}

// A callback may close its client.
func TestCallbackCloses(t *testing.T) {
	c := newRig(t).open(client.Options{})
	ended := c.Async().Get(t.Context(), "/", func(client.Data, error) { c.Close() })
	if _, err := ended.Wait(soon(t, time.Minute)); err != nil {
		t.Error(err)
	}
	if c.State() != client.Closed {
		t.Error(c.State())
	}
}

// Callbacks come one at a time in the order of the answers, those of calls that could not
// be made too, and never from within the call that is to be made.
func TestCallbacksComeInOrder(t *testing.T) {
	c := newRig(t).open(client.Options{})
	var mu sync.Mutex
	var told []int
	var last *client.Future[client.Data]
	for i, path := range []string{"/", "no path", "/", "no path", "/"} {
		mu.Lock() // as a caller may that keeps its own count
		last = c.Async().Get(t.Context(), path, func(client.Data, error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, i)
		})
		mu.Unlock()
		if _, err := last.Wait(soon(t, time.Minute)); (err != nil) != (path != "/") {
			t.Error(path, err)
		}
	}
	for i, n := range told {
		if i != n {
			t.Fatal(told)
		}
	}
}

// Answers whose callbacks were not called yet count: a slow callback slows down those who
// want others called, and nobody else.
func TestCallbacksAreBounded(t *testing.T) {
	ctx := soon(t, time.Minute)
	c, conn, asked := openHeld(t, client.Options{MaxCalls: 2})
	slow, told := make(chan struct{}), make(chan struct{}, 10)
	then := func(client.Data, error) { <-slow; told <- struct{}{} }
	for range 3 { // none is under way when the next comes
		c.Async().Get(ctx, "/a", then)
		conn.answer(<-asked)
		if err := answered(c, conn, asked); err != nil {
			t.Fatal(err)
		}
	}
	c.Async().Get(ctx, "/a", then)
	fourth := <-asked
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	failed := c.Async().Get(short, "/a", then)
	conn.answer(fourth)
	if err := answered(c, conn, asked); err != nil {
		t.Fatal(err)
	}
	close(slow)
	if _, err := failed.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	for range 5 {
		<-told
	}
}

// answered returns when a call was, behind all that were made before.
func answered(c *client.Client, conn *fakeConn, asked <-chan wire.RequestHeader) error {
	f := c.Async().Get(context.Background(), "/a", nil)
	conn.answer(<-asked)
	_, err := f.Wait(context.Background())
	return err
}
