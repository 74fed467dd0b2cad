package client_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/client"
)

// A client that finds nobody goes on trying, and not without pause: how often it asks in a
// minute lies between what the longest pauses and what short ones would lead to.
func TestNobodyIsAskedWithoutPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rounds, hosts = 60, 3 // of a mean pause of a second
		var asked atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := client.Open(ctx, "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", client.Options{
			Dial: func(context.Context, string, string) (net.Conn, error) {
				if asked.Add(1) > 1000*rounds {
					cancel() // who does not pause does not let the time pass either
				}
				return nil, errors.New("nobody is there")
			},
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if n := asked.Load(); n < rounds*hosts/2 || n > rounds*hosts*2 {
			t.Errorf("%d dials in a minute", n)
		}
	})
}

// Of more calls than Options.MaxCalls the others wait for their turn, and no longer than
// their context.
func TestMaxCalls(t *testing.T) {
	ctx := soon(t, time.Minute)
	c, conn, asked := openHeld(t, client.Options{MaxCalls: 2})
	var wg sync.WaitGroup
	get := func() {
		if _, _, err := c.Get(ctx, "/a"); err != nil {
			t.Error(err)
		}
	}
	wg.Go(get)
	wg.Go(get)
	first, second := <-asked, <-asked
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.Get(short, "/a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := c.Async().Get(short, "/a", nil).Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	for range 5 {
		wg.Go(get)
	}
	if len(asked) != 0 {
		t.Error("there are three calls under way")
	}
	conn.answer(first)
	conn.answer(second)
	for range 5 {
		conn.answer(<-asked)
	}
	wg.Wait()
}
