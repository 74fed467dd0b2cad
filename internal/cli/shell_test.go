package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/testserver"
)

// A rig is a shell against a server of its own, and what it printed.
type rig struct {
	*Shell
	t   testing.TB
	out *bytes.Buffer
	way *testserver.Way
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	return newRigOn(testserver.Start(t), t, change)
}

func newRigOn(s *testserver.Server, t testing.TB, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, out: new(bytes.Buffer), way: s.Way()}
	cfg := Config{Servers: "any:1" + s.Root, Out: r.out, Err: r.out, Version: "test", Options: client.Options{Dial: r.way.Dial}}
	if change != nil {
		change(&cfg)
	}
	sh, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sh.Close)
	r.Shell = sh
	return r
}

// script runs lines and returns what they printed.
func (r *rig) script(lines string) string {
	r.t.Helper()
	r.out.Reset()
	if err := r.Interactive(r.t.Context(), Script(strings.NewReader(lines)), nil); err != nil && r.t.Context().Err() != nil {
		r.t.Fatal(err)
	}
	return steady(r.out.String())
}

var masks = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`0x[0-9a-f]{2,}`), "0x#"},
	{regexp.MustCompile(`(Zxid = )0x[0-9a-f]+`), "${1}0x#"},
	{regexp.MustCompile(`("[cmp]?zxid":)"0x[0-9a-f]+"`), `$1"0x#"`},
	{regexp.MustCompile(`zxid: \d+`), "zxid: #"},
	{regexp.MustCompile(`time = \w{3} \w{3} \d.*`), "time = DATE"},
	{regexp.MustCompile(`("[cm]time":)\d+`), "${1}0"},
	{regexp.MustCompile(`("time":)"[^"]+"`), `$1"TIME"`},
	{regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3} `), "HH:MM:SS "},
}

// steady replaces what differs from run to run.
func steady(s string) string {
	for _, m := range masks {
		s = m.re.ReplaceAllString(s, m.with)
	}
	return s
}

// TestTranscripts runs what testdata holds: each file is one session.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		r := newRig(t, nil)
		dir := t.TempDir()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			r.t = t
			if d.Cmd == "files" {
				return files(t, dir)
			}
			out := r.script(strings.ReplaceAll(d.Input, "DIR", dir))
			return strings.ReplaceAll(out, dir, "DIR")
		})
	})
}

// files is what a directory holds, file by file.
func files(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "-- %s --\n%s\n", filepath.ToSlash(rel), strings.TrimSuffix(strings.ToValidUTF8(string(text), "?"), "\n"))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return b.String()
}

func TestWords(t *testing.T) {
	datadriven.RunTest(t, "testdata/words", func(t *testing.T, d *datadriven.TestData) string {
		var b strings.Builder
		for line := range strings.Lines(d.Input) {
			for _, w := range words(strings.TrimSuffix(line, "\n")) {
				b.WriteString("<" + w + ">")
			}
			b.WriteByte('\n')
		}
		return b.String()
	})
}

func TestExitCodes(t *testing.T) {
	r := newRig(t, nil)
	for line, want := range map[string]int{
		"ls /":                 ExitOK,
		"quit":                 ExitOK,
		"get /none":            ExitFailed,
		"get":                  ExitUsage,
		"get none":             ExitUsage,
		"ls -z /":              ExitUsage,
		"nonsense":             ExitUnknown,
		"delete -v 9 /x":       ExitFailed,
		"set -v 9 / x":         ExitVersion,
		"setquota / ":          ExitUsage,
		"redo 7":               ExitFailed,
		"addWatch -m never /":  ExitUsage,
		"create -c -e /x":      ExitUsage,
		"create /x d world:rw": ExitUsage,
	} {
		if got := ExitCode(r.Run(t.Context(), words(line))); got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
	if err := r.Run(t.Context(), words("close")); err != nil {
		t.Error(err)
	}
	if got := ExitCode(r.Run(t.Context(), words("ls /"))); got != ExitNoConn {
		t.Errorf("behind close: %d", got)
	}
}

func TestNobodyThere(t *testing.T) {
	_, err := Open(t.Context(), Config{Servers: "127.0.0.1:1", Out: io.Discard, Err: io.Discard, Patience: 1})
	var open *ConnectError
	if !errors.As(err, &open) || ExitCode(err) != ExitNoConn || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Error(err)
	}
	if _, err := Open(t.Context(), Config{Servers: "a:b:c", Out: io.Discard, Err: io.Discard}); ExitCode(err) != ExitUsage {
		t.Error(err)
	}
}
