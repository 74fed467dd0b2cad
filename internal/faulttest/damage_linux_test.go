package faulttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// control tells the faulty binary what to break, and waits until it says that it has. It
// returns the time of day that the process then had.
func (v *server) control(c control) time.Time {
	v.e.t.Helper()
	v.controls++
	c.Number = v.controls
	b, err := json.Marshal(c)
	if err == nil {
		err = os.WriteFile(v.controlFile()+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(v.controlFile()+".new", v.controlFile())
	}
	if err != nil {
		v.e.t.Fatal(err)
	}
	said := fmt.Sprintf("faulty: obeys %d at ", c.Number)
	for end := time.Now().Add(longPatience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, rest, ok := strings.Cut(v.log.String(), said); ok && strings.Contains(rest, "\n") {
			at, _, _ := strings.Cut(rest, "\n")
			t, err := time.Parse(time.RFC3339, at)
			if err != nil {
				v.e.t.Fatal(err)
			}
			return t
		}
		if v.cmd == nil {
			return time.Time{} // the next process will
		}
	}
	v.e.t.Fatalf("server %d does not obey", v.id)
	return time.Time{}
}

// control is the contents of the control file; see package main in faulty.
type control struct {
	Number      int   `json:"number"`
	WallShiftMS int64 `json:"wall_shift_ms"`
	FailSync    bool  `json:"fail_sync"`
	SyncDelayMS int64 `json:"sync_delay_ms"`
}

// fill takes all the room on the server's disk, and goes on taking it until freed.
func (v *server) fill() (free func()) {
	name := filepath.Join(v.data(), "filler")
	var f *os.File
	if err := v.Do(func() (err error) { f, err = os.Create(name); return err }); err != nil {
		v.e.t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		chunk := make([]byte, 64<<10)
		for size := len(chunk); ; {
			_, err := f.Write(chunk[:size])
			switch {
			case err == nil:
				continue
			case !errors.Is(err, syscall.ENOSPC):
				v.e.t.Error(err)
				return
			}
			size = 4096 // what is left
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
		if err := v.Do(func() error { return os.Remove(name) }); err != nil {
			v.e.t.Error(err)
		}
	}
}

// remove removes what the server has on disk under a name, or all but its id.
func (v *server) remove(name string) error {
	return v.Do(func() error {
		entries, err := os.ReadDir(v.data())
		for _, f := range entries {
			if f.Name() == name || name == "" && f.Name() != "myid" {
				err = errors.Join(err, os.RemoveAll(filepath.Join(v.data(), f.Name())))
			}
		}
		return err
	})
}

// flipBit changes one bit of the records in the server's log.
func (v *server) flipBit(rng *rand.Rand) error {
	return v.Do(func() error {
		segments, err := filepath.Glob(filepath.Join(v.data(), "zabra-log", "log.[0-9]*"))
		if err != nil || len(segments) == 0 {
			return fmt.Errorf("server %d has %d segments of a log: %w", v.id, len(segments), err)
		}
		name := segments[rng.IntN(len(segments))]
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		end := len(bytes.TrimRight(b, "\x00"))
		b[rng.IntN(end)] ^= 1 << rng.IntN(8)
		return os.WriteFile(name, b, 0)
	})
}
