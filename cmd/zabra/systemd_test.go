//go:build linux

package main

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// systemd hears when the server serves, and when it stops.
func TestSystemdIsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	ln, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	hear := func() string {
		ln.SetReadDeadline(time.Now().Add(30 * time.Second))
		b := make([]byte, 100)
		n, err := ln.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", socket)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	code := make(chan int, 1)
	go func() {
		args := []string{"server", "--dataDir", t.TempDir(), "--clientPort", firstPort(t), "--admin.enableServer=false"}
		code <- run(ctx, args, environment{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	}()
	if got := hear(); got != "READY=1" {
		t.Errorf("at the start: %q", got)
	}
	stop()
	if got := hear(); got != "STOPPING=1" {
		t.Errorf("at the end: %q", got)
	}
	if c := <-code; c != exitOK {
		t.Errorf("exit code %d", c)
	}
}
