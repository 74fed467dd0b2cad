package doctest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/zabra/zabra/server/zoocfg"
)

var (
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	testName = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)[A-Z]\w*$`)
)

// testNames are the tests of the module.
func testNames(t *testing.T) map[string]bool {
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestNamedTestsExist(t *testing.T) {
	names := testNames(t)
	n := 0
	for _, p := range pages(t) {
		for _, s := range p.spans() {
			if !testName.MatchString(s) {
				continue
			}
			n++
			if !names[s] {
				t.Errorf("%s: there is no test %s", p.path, s)
			}
		}
	}
	if n == 0 {
		t.Error("no page names a test")
	}
}

// setting matches key=value in the text; a key has a dot or a capital inside,
// which tells it from a variable of a shell or of mathematics.
var setting = regexp.MustCompile(`^([a-z0-9]+(?:[.A-Z_][A-Za-z0-9]*)+)=(\S*)$`)

// badSettings returns what zoocfg says against a page's settings and files.
func badSettings(p *page) []string {
	var bad []string
	for _, s := range p.spans() {
		if m := setting.FindStringSubmatch(s); m != nil {
			bad = append(bad, unknownKeys(p.path, s+"\n")...)
		}
	}
	for _, b := range p.blocks {
		if b.is("properties") {
			bad = append(bad, complaints(fmt.Sprintf("%s:%d", p.path, b.line), b.text)...)
		}
	}
	return bad
}

// unknownKeys judges a single setting, which need not make sense alone.
func unknownKeys(where, text string) []string {
	_, warnings, _ := zoocfg.Parse(where, []byte("dataDir=data\nclientPort=0\n"+text))
	var bad []string
	for _, w := range warnings {
		if strings.Contains(w.String(), "unknown") {
			bad = append(bad, w.String())
		}
	}
	return bad
}

// complaints judges a file that is to be accepted as it stands, by server 1 if it is
// that of an ensemble.
func complaints(where, text string) []string {
	_, warnings, err := zoocfg.Load(zoocfg.Source{File: where, ReadFile: func(path string) ([]byte, error) {
		switch {
		case path == where:
			return []byte(text), nil
		case filepath.Base(path) == "myid" && strings.Contains(text, "\nserver.1="):
			return []byte("1"), nil
		}
		return nil, os.ErrNotExist
	}})
	var bad []string
	if err != nil {
		bad = append(bad, err.Error())
	}
	for _, w := range warnings {
		bad = append(bad, w.String())
	}
	return bad
}

func TestSettingsAreAccepted(t *testing.T) {
	for _, p := range pages(t) {
		for _, bad := range badSettings(p) {
			t.Errorf("%s: %s", p.path, bad)
		}
	}
}

func TestUnacceptedSettingsAreFound(t *testing.T) {
	p := parse("x.md", "`admin.nosuchKey=1` `admin.serverPort=1` `x=y`\n```properties\nclientPort=x\n```\n")
	if bad := badSettings(p); len(bad) < 2 {
		t.Errorf("found %q", bad)
	}
}

// metricsNamed returns the first cells of the tables whose first heading is
// "metric".
func metricsNamed(p *page) []string {
	var names []string
	in := false
	for line := range strings.SplitSeq(p.prose, "\n") {
		switch {
		case strings.HasPrefix(line, "| metric |"):
			in = true
		case !strings.HasPrefix(line, "|"):
			in = false
		case in:
			cell := strings.SplitN(line, "|", 3)[1]
			for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// metricTable lists every metric, one a line, name first; package metrics keeps it
// true.
const metricTable = root + "/server/metrics/testdata/table.txt"

func TestNamedMetricsExist(t *testing.T) {
	table, err := os.ReadFile(metricTable)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 0 {
			known[f[0]] = true
		}
	}
	n := 0
	for _, p := range pages(t) {
		for _, name := range metricsNamed(p) {
			n++
			if !known[name] {
				t.Errorf("%s: there is no metric %s", p.path, name)
			}
		}
	}
	if n == 0 {
		t.Error("no page names a metric")
	}
}

func TestMetricsNamed(t *testing.T) {
	p := parse("x.md", "| metric | why |\n|---|---|\n| `a`, `b` | `c` |\n\n`d`\n")
	if got := metricsNamed(p); strings.Join(got, "") != "ab" {
		t.Errorf("names in a table: %q", got)
	}
}
