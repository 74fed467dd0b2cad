//go:build linux

package netlab

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// twoHosts are connected, and the second echoes on port 7.
func twoHosts(t *testing.T) (l *Lab, a, b *Host) {
	t.Helper()
	l = New(1)
	t.Cleanup(l.Close)
	var hosts []*Host
	for range 2 {
		h, err := l.Host()
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOENT) {
			t.Skipf("no hosts can be made here: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	ln, err := hosts[1].Listen(7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	return l, hosts[0], hosts[1]
}

func connect(t *testing.T, a, b *Host) net.Conn {
	t.Helper()
	c, err := a.Dial(netip.AddrPortFrom(b.Addr, 7), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echoed sends a byte and waits for it so long.
func echoed(c net.Conn, wait time.Duration) bool {
	_ = c.SetDeadline(time.Now().Add(wait))
	if _, err := c.Write([]byte{'e'}); err != nil {
		return false
	}
	b := []byte{0}
	_, err := io.ReadFull(c, b)
	return err == nil && b[0] == 'e'
}

func TestOnlyHostsSeeEachOther(t *testing.T) {
	_, a, b := twoHosts(t)
	if !echoed(connect(t, a, b), 10*time.Second) {
		t.Error("no echo")
	}
	if c, err := net.DialTimeout("tcp", netip.AddrPortFrom(b.Addr, 7).String(), 100*time.Millisecond); err == nil {
		defer c.Close()
		if !echoed(c, 300*time.Millisecond) {
			return // some gateways accept whatever one dials
		}
		t.Error("the host is reached from outside the lab")
	}
}

// A cut is one-way, silent, and holds for connections that are there already.
func TestCut(t *testing.T) {
	l, a, b := twoHosts(t)
	c := connect(t, a, b)
	if !echoed(c, 10*time.Second) {
		t.Fatal("no echo")
	}
	for _, p := range []pair{{a, b}, {b, a}} {
		l.Shape(p.from, p.to, Quality{Loss: 1})
		if echoed(c, 300*time.Millisecond) {
			t.Errorf("an echo although %v to %v is cut", p.from.Addr, p.to.Addr)
		}
		if lost, _ := l.Lost(p.from, p.to); lost == 0 {
			t.Error("the cut hit no packet")
		}
		if lost, passed := l.Lost(p.to, p.from); p.from == a && lost != 0 || passed == 0 {
			t.Errorf("the other way lost %d and passed %d", lost, passed)
		}
		l.Heal()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // TCP repeats what was lost
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatalf("the byte sent during the cut did not come after it: %v", err)
		}
	}
	l.Shape(a, b, Quality{Loss: 1})
	if c, err := a.Dial(netip.AddrPortFrom(b.Addr, 7), 300*time.Millisecond); err == nil {
		c.Close()
		t.Error("connected over a cut link")
	}
}

func TestDelayAndLoss(t *testing.T) {
	l, a, b := twoHosts(t)
	c := connect(t, a, b)
	l.Shape(a, b, Quality{Delay: 60 * time.Millisecond, Jitter: 20 * time.Millisecond})
	began := time.Now()
	if !echoed(c, 10*time.Second) || time.Since(began) < 60*time.Millisecond {
		t.Errorf("the echo took %v", time.Since(began))
	}
	// TCP waits twice as long after each loss in a row, and is given the time for nine.
	l.Shape(a, b, Quality{Loss: 0.15})
	for range 80 {
		if !echoed(c, 2*time.Minute) {
			t.Fatal("TCP does not get over the loss")
		}
	}
	if lost, passed := l.Lost(a, b); lost < 5 || passed < 40 {
		t.Errorf("%d packets lost and %d passed", lost, passed)
	}
}

// A disk is there for its host's processes alone, and full when it is full.
func TestMountIsPrivate(t *testing.T) {
	_, a, b := twoHosts(t)
	dir := t.TempDir()
	if err := a.Mount(dir, 1<<20); err != nil {
		t.Fatal(err)
	}
	run := func(h *Host, script string) error {
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = dir
		if err := h.Start(cmd); err != nil {
			t.Fatal(err)
		}
		return cmd.Wait()
	}
	if err := run(a, "cd "+dir+" && echo x > file && ! head -c 2000000 /dev/zero > filler 2>/dev/null"); err != nil {
		t.Errorf("the host's process: %v", err)
	}
	if err := run(b, "test ! -e "+dir+"/file"); err != nil {
		t.Error("another host sees the disk")
	}
}

// What runs in a host ends with the lab.
func TestCloseKills(t *testing.T) {
	l, a, _ := twoHosts(t)
	cmd := exec.Command("sleep", "60")
	if err := a.Start(cmd); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := cmd.Wait(); err == nil {
		t.Error("it was not killed")
	}
}
