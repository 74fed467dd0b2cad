package crashtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// A volume is a small disk, mounted in a directory.
type volume struct {
	t   testing.TB
	dir string
}

func newVolume(t testing.TB, mib int) *volume {
	t.Helper()
	v := &volume{t, t.TempDir()}
	if err := syscall.Mount("tmpfs", v.dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skipf("no disk can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(v.dir, syscall.MNT_DETACH) })
	return v
}

// fill takes all the room there is, and go on taking it until free.
func (v *volume) fill() (free func()) {
	v.t.Helper()
	name := filepath.Join(v.dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		v.t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	chunk := make([]byte, 1<<20)
	go func() {
		defer close(done)
		for {
			if _, err := f.Write(chunk); err != nil && !errors.Is(err, syscall.ENOSPC) {
				v.t.Error(err)
				return
			}
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		_ = f.Close()
		if err := os.Remove(name); err != nil {
			v.t.Error(err)
		}
	}
}

// A scribe writes large nodes, and goes on after a connection is lost, until told
// to stop. What it has had acknowledged is in acked.
type scribe struct {
	d     *daemon
	dir   string
	acked map[string]bool
	lost  int // connections
	quit  chan struct{}
	ended chan struct{}
	s     session
}

func newScribe(d *daemon, dir string) *scribe {
	s := &scribe{d: d, dir: dir, acked: map[string]bool{}, quit: make(chan struct{}), ended: make(chan struct{}), s: session{timeout: patience}}
	go s.run()
	return s
}

func (s *scribe) run() {
	defer close(s.ended)
	for i := 0; ; s.lost++ {
		c, err := s.d.connect(&s.s)
		for err == nil {
			select {
			case <-s.quit:
				c.drop()
				return
			default:
			}
			path := fmt.Sprintf("%s-%d", s.dir, i)
			i++
			_ = c.nc.SetDeadline(time.Now().Add(patience))
			if _, err = c.create(path, strings.Repeat(path, 10_000/len(path)), wire.ModePersistent); err == nil {
				s.acked[path] = true
			}
		}
		if c != nil {
			c.drop()
		}
		select {
		case <-s.quit:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *scribe) stop() {
	close(s.quit)
	<-s.ended
}

// check wants all that was acknowledged.
func (s *scribe) check(t testing.TB, c *conn) {
	t.Helper()
	for path := range s.acked {
		if there, err := c.exists(path); err != nil || !there {
			t.Errorf("%s was acknowledged and is not there (%v)", path, err)
			return
		}
	}
}

// wait waits until the server's output has so many more of a line.
func (d *daemon) waitFor(line string, before int) {
	d.t.Helper()
	for end := time.Now().Add(patience); strings.Count(d.stderr.String(), line) <= before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("waited in vain for %q", line)
		}
	}
}

// A disk of 64 MiB that holds the log fills up again and again: what is there is
// served, sessions live, nothing acknowledged is lost, and the server goes on by
// itself when there is room; it can be stopped and killed meanwhile.
func TestFullDisk(t *testing.T) {
	const full, over = "the disk is full: writes wait", "there is room on the disk again"
	const timeout = 4 * time.Second
	v := newVolume(t, 64)
	rng := rand.New(rand.NewPCG(seed(t), 11))
	d := newDaemon(t, "dataLogDir="+v.dir+"\npreAllocSize=2048\nsnapCount=1000\n")
	d.mustStart()
	var slowest time.Duration
	acked, lost := 0, 0
	for round := range times(t, "ZABRA_FULL_DISKS", 3, 50) {
		alive, err := d.attach(&session{timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		mine := fmt.Sprintf("/alive-%d", round)
		if _, err := alive.create(mine, "x", wire.ModeEphemeral); err != nil {
			t.Fatal(err)
		}
		before := strings.Count(d.stderr.String(), full)
		scribes := []*scribe{newScribe(d, fmt.Sprintf("/%d-a", round)), newScribe(d, fmt.Sprintf("/%d-b", round))}
		free := v.fill()
		// The other client reads until the disk is full, and for longer than its session lasts then.
		hold := timeout + time.Duration(500+rng.IntN(500))*time.Millisecond
		patient := time.Now().Add(patience)
		for end := patient; time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			_ = alive.nc.SetDeadline(time.Now().Add(timeout))
			if _, _, err := alive.get(mine); err != nil {
				t.Fatalf("round %d: a read while the disk fills up, or is full: %v", round, err)
			}
			if end == patient && strings.Count(d.stderr.String(), full) > before {
				end = time.Now().Add(hold)
			}
		}
		if strings.Count(d.stderr.String(), full) == before {
			t.Fatalf("round %d: waited in vain for %q", round, full)
		}
		began := time.Now()
		switch round % 3 {
		case 0:
			before := strings.Count(d.stderr.String(), over)
			free()
			d.waitFor(over, before)
			_ = alive.nc.SetDeadline(time.Now().Add(patience))
			if err := alive.call(wire.OpSetData, &wire.SetDataRequest{Path: mine, Version: 0}, nil); err != nil {
				t.Errorf("round %d: a write with room again: %v", round, err)
			}
			slowest = max(slowest, time.Since(began))
		case 1:
			d.kill()
			free()
			d.mustStart()
		case 2:
			if code, took := d.terminate(); code != 0 || took > patience/2 {
				t.Errorf("exit code %d after %v", code, took)
			}
			free()
			d.mustStart()
		}
		for _, s := range scribes {
			s.stop()
		}
		c, err := d.attach(&session{timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range scribes {
			s.check(t, c)
			acked += len(s.acked)
			lost += s.lost
		}
		c.drop()
		alive.drop()
	}
	t.Logf("%d writes acknowledged, %d connections of writers lost, slowest return %v", acked, lost, slowest)
}

// A log that has filled its disk with what checkpoints cover makes room itself, if
// the checkpoints are elsewhere.
func TestLogThatFillsItsOwnDisk(t *testing.T) {
	v := newVolume(t, 16)
	d := newDaemon(t, "dataLogDir="+v.dir+"\npreAllocSize=2048\n")
	d.mustStart()
	s := newScribe(d, "/n")
	const over = "there is room on the disk again"
	d.waitFor(over, 2)
	s.stop()
	d.kill()
	d.mustStart()
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	s.check(t, c)
	c.drop()
	t.Logf("%d writes of 10 kB acknowledged with a log of 16 MiB, %d connections lost", len(s.acked), s.lost)
}

// A disk that holds log and checkpoints fills up, and neither ends the server.
func TestFullDiskOfEverything(t *testing.T) {
	v := newVolume(t, 1000)
	d := newDaemon(t, "dataLogDir="+v.dir+"\npreAllocSize=4096\nsnapCount=200\n")
	d.configure("dataDir=" + v.dir + "\n")
	d.mustStart()
	s := newScribe(d, "/n")
	const made, none, full = "checkpoint written", "no checkpoint was written", "the disk is full: writes wait"
	d.waitFor(made, 0)
	free := v.fill()
	d.waitFor(full, 0)
	d.waitFor(none, 0)
	checkpoints := strings.Count(d.stderr.String(), made)
	free()
	d.waitFor(made, checkpoints)
	s.stop()
	d.kill()
	d.mustStart()
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	s.check(t, c)
	c.drop()
}
