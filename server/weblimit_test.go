package server

import (
	"net"
	"testing"
	"time"
)

func TestWebPortHoldsSoManyConnectionsAndNoMore(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := newLimitListener(inner, 2)
	defer ln.Close()
	accepted := make(chan net.Conn, 3)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	for range 3 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	<-accepted
	select {
	case <-accepted:
		t.Fatal("a third connection was accepted")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // the second time makes no more room
	third := <-accepted
	defer third.Close()
	if n := len(ln.tokens); n != 2 {
		t.Errorf("%d connections count", n)
	}
	ln.Close()
	if _, ok := <-accepted; ok {
		t.Error("accepted after Close")
	}
}
