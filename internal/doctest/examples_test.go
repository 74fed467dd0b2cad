package doctest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/freeport"
)

// An example is the blocks of one name on a page.
type example struct {
	page  *page
	name  string
	steps []step
}

// A step is a block of commands and what the page says it prints.
type step struct {
	line   int
	script string
	want   []string // lines; "..." stands for anything
}

// examples are those of a page, in the order in which they begin.
func (p *page) examples() []*example {
	var all []*example
	byName := map[string]*example{}
	for i, b := range p.blocks {
		name := b.name()
		if !b.is("sh") || name == "" {
			continue
		}
		e := byName[name]
		if e == nil {
			e = &example{page: p, name: name}
			byName[name] = e
			all = append(all, e)
		}
		s := step{line: b.line, script: b.text}
		if i+1 < len(p.blocks) && p.blocks[i+1].is("text") {
			s.want = strings.Split(strings.TrimSpace(p.blocks[i+1].text), "\n")
		}
		e.steps = append(e.steps, s)
	}
	return all
}

func TestExamples(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		for _, e := range p.examples() {
			n++
			t.Run(strings.TrimSuffix(filepath.Base(p.path), ".md")+"/"+e.name, e.run)
		}
	}
	if n == 0 {
		t.Error("no page has an example that runs")
	}
}

// separator stands between the outputs of two steps.
const separator = "doctest-step"

func (e *example) run(t *testing.T) {
	bash := need(t, "bash")
	if strings.Contains(e.all(), "curl ") {
		need(t, "curl")
	}
	ports := freePorts(t)
	cmd := exec.Command(bash, "-c", e.script(ports))
	cmd.Dir = workDir(t)
	cmd.Env = append(os.Environ(), ports.environ()...)
	out, err := runGroup(t, cmd, 5*time.Minute)
	parts := strings.Split(out, separator+"\n")[1:]
	for i, part := range parts {
		if missing := missingLine(part, e.steps[i].want); missing != "" {
			t.Errorf("%s:%d: the page says that this prints\n\t%s\nand it printed\n%s", e.page.path, e.steps[i].line, missing, part)
		}
	}
	if err != nil {
		i := max(len(parts), 1) - 1
		t.Errorf("%s:%d: %v\n%s", e.page.path, e.steps[i].line, err, out)
	}
}

func (e *example) all() string {
	var all strings.Builder
	for _, s := range e.steps {
		all.WriteString(s.script)
	}
	return all.String()
}

// A portPair is what stands in for the default ports.
type portPair struct{ client, admin string }

func (p portPair) environ() []string {
	return []string{"ZABRA_CLIENT_PORT=" + p.client, "ZABRA_ADMIN_SERVER_PORT=" + p.admin, "NO_COLOR=1"}
}

// free are ports that no other example has.
var free freeport.Ports

// freePorts finds two ports that nobody listens on.
func freePorts(t *testing.T) portPair {
	t.Helper()
	var ports [2]string
	for i := range ports {
		port, err := free.Free()
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = strconv.Itoa(port)
	}
	return portPair{ports[0], ports[1]}
}

// workDir is an empty directory where bin/zabra is the binary.
func workDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	target, err := filepath.Abs(binary(t))
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "bin"), 0o755)
	}
	if err == nil {
		err = os.Symlink(target, filepath.Join(dir, "bin", "zabra"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var (
	notRun     = regexp.MustCompile(`^(git clone|cd|go) `)
	background = regexp.MustCompile(`\bzabra server\b.*&(\s|$)`)
	second     = regexp.MustCompile(`\bsleep 1\b`)
	port2181   = regexp.MustCompile(`\b2181\b`)
	port8080   = regexp.MustCompile(`\b8080\b`)
)

// script is the whole example for bash.
func (e *example) script(ports portPair) string {
	var b strings.Builder
	b.WriteString("set -e\nexec 2>&1\n")
	for _, s := range e.steps {
		fmt.Fprintf(&b, "echo %s\n", separator)
		for line := range strings.Lines(s.script) {
			if notRun.MatchString(line) {
				continue
			}
			b.WriteString(line)
			if background.MatchString(line) {
				fmt.Fprintf(&b, "bin/zabra bench wait 127.0.0.1:2181 >/dev/null\n")
			}
		}
	}
	text := strings.ReplaceAll(b.String(), "zabra cli ", "zabra cli --server 127.0.0.1:2181 ")
	text = second.ReplaceAllString(text, "sleep 5") // a reader's machine has less to do
	text = port2181.ReplaceAllString(text, ports.client)
	return port8080.ReplaceAllString(text, ports.admin)
}

// runGroup runs cmd and, when it has ended or the time is over, kills what it
// has left running. It returns what all of them printed.
func runGroup(t *testing.T, cmd *exec.Cmd, limit time.Duration) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	path := filepath.Join(t.TempDir(), "output")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
		killGroup(cmd)
	case <-ctx.Done():
		killGroup(cmd)
		err = errors.Join(ctx.Err(), <-ended)
	}
	out, readErr := os.ReadFile(path)
	return string(out), errors.Join(err, readErr)
}

// missingLine returns the first of the wanted lines that is not in the output,
// behind the one before, "" if all are.
func missingLine(out string, want []string) string {
	lines := strings.Split(out, "\n")
	for _, w := range want {
		for len(lines) > 0 && !like(lines[0], w) {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			return w
		}
		lines = lines[1:]
	}
	return ""
}

// like reports whether a line is what a pattern with "..." describes. How many
// blanks stand between two words makes no difference.
func like(line, pattern string) bool {
	parts := strings.Split(oneBlank(pattern), "...")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile(`^` + strings.Join(parts, ".*") + `$`).MatchString(oneBlank(line))
}

func oneBlank(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestMissingLine(t *testing.T) {
	out := "one\ntwo 2 two\nthree\n"
	for want, missing := range map[string]string{
		"one\nthree": "", "two ... two": "", "...": "", "three\none": "one", "tw": "tw", "two ... three": "two ... three",
	} {
		if got := missingLine(out, strings.Split(want, "\n")); got != missing {
			t.Errorf("%q: got %q, want %q", want, got, missing)
		}
	}
}

func TestScript(t *testing.T) {
	p := parse("x.md", "```sh a\ngo build\nbin/zabra server &\nbin/zabra cli ls /\n```\n```sh b\necho 1\n```\n```sh a\ncurl 127.0.0.1:8080/ 12181\n```\n```text\nok\n```\n")
	ex := p.examples()
	if len(ex) != 2 || len(ex[0].steps) != 2 || ex[0].steps[1].want[0] != "ok" {
		t.Fatalf("%+v", ex)
	}
	want := "set -e\nexec 2>&1\necho doctest-step\nbin/zabra server &\nbin/zabra bench wait 127.0.0.1:7 >/dev/null\n" +
		"bin/zabra cli --server 127.0.0.1:7 ls /\necho doctest-step\ncurl 127.0.0.1:8/ 12181\n"
	if got := ex[0].script(portPair{"7", "8"}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFailingExampleIsFound(t *testing.T) {
	cmd := exec.Command(need(t, "bash"), "-c", "sleep 100 & echo hi; false")
	out, err := runGroup(t, cmd, time.Minute)
	if err == nil || out != "hi\n" {
		t.Errorf("output %q, error %v", out, err)
	}
}
