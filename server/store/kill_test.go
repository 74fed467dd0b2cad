package store

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/datatree"
	"go.uber.org/zap"
)

// history leads to the records as of checkpoint n, the same each time.
type history struct {
	naive *naive
	n     int
}

func newHistory() *history { return &history{naive: newNaive(rand.New(rand.NewPCG(11, 12)))} }

func (h *history) next() {
	for range 150 {
		h.naive.change()
	}
	h.n++
}

// writeForEver is the process that is killed: it goes on from the checkpoint that
// it finds and says when another is complete.
func writeForEver(dir string) error {
	s := New(dir, zap.NewNop())
	at, err := storedMeta(s)
	if err != nil {
		return err
	}
	h := newHistory()
	for h.n < at {
		h.next()
	}
	clear(h.naive.changed)
	for {
		h.next()
		c, err := s.Begin(false)
		if err != nil {
			return err
		}
		for _, rec := range h.naive.due(c, false) {
			if err := c.Put([]datatree.Record{rec}); err != nil {
				return err
			}
		}
		if err := c.Put([]datatree.Record{{Key: []byte{metaKind}, Value: []byte(strconv.Itoa(h.n))}}); err != nil {
			return err
		}
		if err := c.Commit(); err != nil {
			return err
		}
		clear(h.naive.changed)
		fmt.Println("complete", h.n)
		if h.n%5 == 0 {
			if err := s.Close(); err != nil {
				return err
			}
		}
	}
}

// storedMeta is the number in the meta record of the last complete checkpoint.
func storedMeta(s *Store) (int, error) {
	if err := s.open(); err != nil {
		return 0, err
	}
	if s.head.meta == nil {
		return 0, nil
	}
	return strconv.Atoi(string(s.head.meta))
}

const killedDir = "ZABRA_STORE_KILLED_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		fmt.Println(writeForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A process that is killed at any moment leaves the last checkpoint that it
// completed, or the one that it was completing.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(5, 6))
	h, last := newHistory(), 0
	// At least 12 kills, and on a slow machine as many as it takes to have something to
	// lose, each later than the one before.
	for run := 0; run < 12 || last < 10 && run < 100; run++ {
		after := time.Duration(rng.IntN(250)) * time.Millisecond
		if run >= 12 {
			after = time.Duration(run) * 50 * time.Millisecond
		}
		last = max(last, runAndKill(t, dir, after))
		s := New(dir, zap.NewNop())
		at, err := storedMeta(s)
		if err != nil {
			t.Fatal(err)
		}
		if at < last || at > last+1 {
			t.Fatalf("checkpoint %d is there, and %d was completed last", at, last)
		}
		for h.n < at {
			h.next()
		}
		h.naive.meta = strconv.Itoa(at)
		if at > 0 {
			h.naive.compare(t, s)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		last = at
	}
	if last < 10 {
		t.Errorf("%d checkpoints in all: the test tests little", last)
	}
}

// runAndKill returns the last checkpoint that the process said was complete.
func runAndKill(t *testing.T, dir string, after time.Duration) (last int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after+100*time.Millisecond, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		n, ok := strings.CutPrefix(lines.Text(), "complete ")
		if !ok {
			t.Fatalf("the writer says: %s", lines.Text())
		}
		if last, err = strconv.Atoi(n); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait()
	return last
}
