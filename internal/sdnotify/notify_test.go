//go:build linux

package sdnotify

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSend(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@zabra-test-" + filepath.Base(t.TempDir()) + t.Name()} {
		at := &net.UnixAddr{Name: strings.Replace(name, "@", "\x00", 1), Net: "unixgram"}
		ln, err := net.ListenUnixgram("unixgram", at)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		if err := Send(name, Ready); err != nil {
			t.Fatal(err)
		}
		ln.SetReadDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 100)
		if n, err := ln.Read(b); err != nil || string(b[:n]) != "READY=1" {
			t.Errorf("%s: %q, %v", name, b[:n], err)
		}
	}
}

func TestSendToNobody(t *testing.T) {
	if err := Send("", Ready); err != nil {
		t.Error(err)
	}
	missing := filepath.Join(t.TempDir(), "none")
	if err := Send(missing, Ready); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("%v", err)
	}
}
