package peer

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestDialCalledOff(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if nc, err := (&Transport{}).dialAny(ctx, []string{"127.0.0.1:1"}); nc != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", nc, err)
	}
	if nc, err := (&Transport{}).dialAny(context.Background(), nil); nc != nil || err == nil {
		t.Errorf("got %v, %v", nc, err)
	}
	begun := time.Now()
	if _, err := Dial(ctx, DialConfig{Tries: 1 << 30, Pause: time.Hour}, "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after %v", err, time.Since(begun))
	}
}

// A learner comes before its leader listens.
func TestLearnerIsEarly(t *testing.T) {
	noLeaks(t)
	addr := freePort(t)
	_, err := Dial(context.Background(), DialConfig{Tries: 2, Pause: time.Millisecond}, addr)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("got %v", err)
	}
	accepted, ended := make(chan *Conn, 1), make(chan struct{})
	late := time.AfterFunc(100*time.Millisecond, func() {
		defer close(ended)
		ln, err := Bind(context.Background(), addr, 3, time.Millisecond)
		if err != nil {
			t.Error(err)
			return
		}
		l := NewListener(ListenerConfig{Accept: func(c *Conn) { accepted <- c }}, ln)
		c := <-accepted
		c.Close()
		l.Close()
	})
	defer late.Stop()
	c, err := Dial(context.Background(), DialConfig{Tries: 1000, Pause: 10 * time.Millisecond}, "127.0.0.1:1", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	<-ended
}

func TestBind(t *testing.T) {
	noLeaks(t)
	ln := listen(t)
	addr := ln.Addr().String()
	if _, err := Bind(context.Background(), addr, 3, time.Millisecond); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { ln.Close() })
	again, err := Bind(context.Background(), addr, 0, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Bind(ctx, "192.0.2.1:0", 0, time.Hour); err == nil {
		t.Error("bound an address that is not here")
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the listener is open")
	}
}

// A leader that refuses connections may listen in a moment. One that does not answer is
// given up.
func TestASilentLeaderIsDialledOnce(t *testing.T) { synctest.Test(t, testSilentLeader) }

func testSilentLeader(t *testing.T) {
	dialled := map[string]int{}
	var mu sync.Mutex
	dial := func(ctx context.Context, _, addr string) (net.Conn, error) {
		mu.Lock()
		dialled[addr]++
		mu.Unlock()
		if addr == "early:1" {
			return nil, syscall.ECONNREFUSED
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := DialConfig{Transport: Transport{Dial: dial}, Tries: 3, Pause: time.Millisecond, Silence: 20 * time.Millisecond}
	if _, err := Dial(context.Background(), c, "silent:1"); !errors.Is(err, ErrSilent) || dialled["silent:1"] != 1 {
		t.Errorf("dialled %v: %v", dialled, err)
	}
	// Only one of its addresses leads nowhere.
	if _, err := Dial(context.Background(), c, "early:1", "silent:2"); errors.Is(err, ErrSilent) || dialled["early:1"] < 3 {
		t.Errorf("dialled %v: %v", dialled, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	c.Silence = time.Hour
	if _, err := Dial(ctx, c, "silent:3"); errors.Is(err, ErrSilent) || !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
}
