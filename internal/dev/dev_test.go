package dev

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/freeport"
	"github.com/zabra/zabra/server/zoocfg"
)

func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"":              func(*Options) {},
		"--servers 0":   func(o *Options) { o.Servers = 0 },
		"--observers":   func(o *Options) { o.Observers = -1 },
		"at most 255":   func(o *Options) { o.Observers = 253 },
		"--port 0":      func(o *Options) { o.Port = 0 },
		"--port 65000":  func(o *Options) { o.Port = 65000 },
		"--restart -1s": func(o *Options) { o.Restart = -time.Second },
	} {
		o := Options{Servers: 3, Port: 2181, Restart: time.Second}
		change(&o)
		err := o.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

// A port that somebody has is left to them, and no port is given twice.
func TestPorts(t *testing.T) {
	var ports freeport.Ports
	first, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", address(first))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	servers := newServers(&Options{Servers: 3, Observers: 1})
	if err := choosePorts(servers, first); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{first: true}
	for _, s := range servers {
		for _, p := range []int{s.client, s.quorum, s.election, s.admin} {
			if seen[p] {
				t.Errorf("port %d is given twice", p)
			}
			seen[p] = true
		}
		if s.client < first {
			t.Errorf("client port %d is below %d", s.client, first)
		}
	}
}

// What is written is a configuration without a fault, for one server too.
func TestConfiguration(t *testing.T) {
	for _, o := range []Options{{Servers: 1}, {Servers: 3}, {Servers: 3, Observers: 2}} {
		dir := t.TempDir()
		t.Chdir(dir)
		servers := newServers(&o)
		if err := choosePorts(servers, 20181); err != nil {
			t.Fatal(err)
		}
		if err := configure(dir, servers); err != nil {
			t.Fatal(err)
		}
		for _, s := range servers {
			cfg, warnings, err := zoocfg.Load(zoocfg.Source{File: filepath.Join(s.dir(), "zoo.cfg")})
			if err != nil {
				t.Fatalf("%+v: server %d: %v", o, s.id, err)
			}
			if len(warnings) > 0 && o.Servers > 2 {
				t.Errorf("%+v: server %d: %v", o, s.id, warnings)
			}
			if !cfg.Ensemble.Distributed || int(cfg.Ensemble.MyID) != s.id || cfg.ClientPort != s.client || cfg.Ensemble.Voters() != o.Servers {
				t.Errorf("%+v: server %d: %+v", o, s.id, cfg.Ensemble)
			}
		}
	}
}

func TestPrepare(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	must := func(want string, n size, fresh bool) {
		t.Helper()
		lock, err := prepare(dir, n, fresh)
		if err == nil {
			defer lock.Close()
			if _, err := prepare(dir, n, fresh); err == nil || !strings.Contains(err.Error(), "another zabra dev runs on") {
				t.Errorf("a second one: %v", err)
			}
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Fatalf("prepare %v, fresh %v: %v, want %q", n, fresh, err, want)
		}
	}
	three := size{3, 0}
	must("", three, false)
	data := filepath.Join(dir, "3", "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	must("", three, false)
	must("holds the data of 3 servers, not of 3 servers and 2 observer(s)", size{3, 2}, false)
	if _, err := os.Stat(data); err != nil {
		t.Errorf("data is gone: %v", err)
	}
	must("", size{5, 0}, true)
	if _, err := os.Stat(data); err == nil {
		t.Error("--fresh left data")
	}
	if _, err := os.Stat(own); err != nil {
		t.Errorf("--fresh removed what it did not make: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, markName)); err != nil {
		t.Fatal(err)
	}
	must("notes.txt", three, true)
	if err := os.WriteFile(filepath.Join(dir, markName), []byte("sitting bull"), 0o644); err != nil {
		t.Fatal(err)
	}
	must("not of this command", three, true)
}

func TestPrefix(t *testing.T) {
	var out bytes.Buffer
	p := &prefixed{to: &out, prefix: prefixOf(2, false)}
	for _, s := range []string{"a", "b\nc\n", "", "\nd", "e"} {
		if n, err := p.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", s, n, err)
		}
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	if want := "2 | ab\n2 | c\n2 | \n2 | de\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	out.Reset()
	if err := p.end(); err != nil || out.Len() > 0 {
		t.Errorf("the end of nothing: %q, %v", out.String(), err)
	}
	if n, err := p.Write(bytes.Repeat([]byte("x"), longest)); n != longest || err != nil || out.Len() == 0 {
		t.Errorf("a line without an end is kept: %d, %v", n, err)
	}
	if c := prefixOf(8, true); !strings.Contains(c, "\x1b[35m8 |\x1b[0m ") {
		t.Errorf("%q", c)
	}
}
