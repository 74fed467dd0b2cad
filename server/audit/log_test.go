package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestFileHasZooKeepersForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	for range 2 { // the second time it is appended to
		l, err := Open(path, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		l.Write(&Event{User: "a", Operation: Create, Znode: "/x", Result: Success})
		l.Write(&Event{User: "b", Operation: Delete, Znode: "/x", Result: Failure})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const at = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} `
	two := at + "INFO audit.Slf4jAuditLogger: user=a\toperation=create\tznode=/x\tresult=success\n" +
		at + "ERROR audit.Slf4jAuditLogger: user=b\toperation=delete\tznode=/x\tresult=failure\n"
	if !regexp.MustCompile("^" + two + two + "$").Match(text) {
		t.Errorf("got %q", text)
	}
}

func TestWithoutFileTheServersLogHasTheLines(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	l, err := Open("", zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	l.Write(&Event{Operation: Create, Result: Success})
	l.Write(&Event{Operation: Create, Result: Failure})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range logged.All() {
		got = append(got, e.Level.String()+" "+e.Message)
	}
	if want := "[info operation=create\tresult=success error operation=create\tresult=failure]"; fmt.Sprint(got) != want {
		t.Errorf("got %q", got)
	}
}

func TestDirectoryIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "audit.log")
	if _, err := Open(path, zap.NewNop()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

// logrotate renames the file, and expects the next lines under its old name.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	s, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := func(text string) {
		t.Helper()
		if err := s.write([]entry{{text: text}}); err != nil {
			t.Fatal(err)
		}
		s.checked = time.Time{} // as if time had passed
	}
	line("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	line("two")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	line("three")
	if err := os.Truncate(path, 0); err != nil { // copytruncate
		t.Fatal(err)
	}
	line("four")
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{path + ".1": "one\n", path: "four\n"} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.HasSuffix(string(text), want) || strings.Count(string(text), "\n") != 1 {
			t.Errorf("%s holds %q, %v", file, text, err)
		}
	}
}

// A stalled is a sink whose disk stands still.
type stalled struct {
	mu      sync.Mutex
	written int
}

func (s *stalled) write(entries []entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written += len(entries)
	return nil
}

func (s *stalled) close() error { return nil }

func TestNobodyWaitsForADiskThatStands(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	s := new(stalled)
	s.mu.Lock()
	l := start(s, zap.New(core))
	e := &Event{Operation: Create, Result: Success}
	const all, room = 100, 10
	l.mu.Lock()
	l.most = room * len(e.AppendTo(nil))
	l.mu.Unlock()
	for range all {
		l.Write(e)
	}
	s.mu.Unlock()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, line := range logged.All() {
		lost += int(line.ContextMap()["events"].(int64))
	}
	if s.written != room || lost != all-room {
		t.Errorf("%d written, %d told to be lost", s.written, lost)
	}
	l.Write(e) // after the end it is harmless
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := Open(path, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 200
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				l.Write(&Event{User: fmt.Sprint(w), Operation: Create, Znode: fmt.Sprint(i), Result: Success})
			}
		})
	}
	all.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	for _, m := range regexp.MustCompile(`user=(\d)\toperation=create\tznode=(\d+)\t`).FindAllStringSubmatch(string(text), -1) {
		if m[2] != fmt.Sprint(next[m[1]]) {
			t.Fatalf("writer %s: event %s, want %d", m[1], m[2], next[m[1]])
		}
		next[m[1]]++
	}
	for w := range writers {
		if next[fmt.Sprint(w)] != each {
			t.Errorf("writer %d: %d lines", w, next[fmt.Sprint(w)])
		}
	}
}
