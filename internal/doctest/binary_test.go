package doctest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/zabra/zabra/server/zoocfg"
)

// built builds the binary once for all tests; TestMain removes it.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "zabra-doctest-")
	if err != nil {
		return "", err
	}
	builtDir = dir
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "zabra"), root+"/cmd/zabra").CombinedOutput()
	os.Stderr.Write(out)
	return filepath.Join(dir, "zabra"), err
})

var builtDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if builtDir != "" {
		os.RemoveAll(builtDir)
	}
	os.Exit(code)
}

// binary is the zabra to run.
func binary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("ZABRA_BINARY"); path != "" {
		return path
	}
	path, err := built()
	if err != nil {
		t.Fatalf("build ./cmd/zabra: %v", err)
	}
	return path
}

// need returns the path of a tool that an example needs.
func need(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil && os.Getenv("ZABRA_DOCS") == "required" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("the examples need %s: %v", tool, err)
	}
	return path
}

// help is what zabra prints of a command.
func help(t *testing.T, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	args := append(strings.Fields(command), "--help")
	out, err := exec.CommandContext(ctx, binary(t), args...).CombinedOutput()
	if err != nil {
		t.Errorf("zabra %s --help: %v\n%s", command, err, out)
	}
	return string(out)
}

// An invocation is a command line of zabra in an example.
type invocation struct {
	where, command string
	flags          []string
}

var (
	zabraLine = regexp.MustCompile(`(?:^|[\s(;&|]|/)zabra[ \t]+([a-z][a-z0-9]*)\b([^|;&#)\n]*)`)
	longFlag  = regexp.MustCompile(`(?:^|\s)--([A-Za-z0-9][\w.-]*)`)
)

// invocations finds the command lines of zabra in a text.
func invocations(where, text string) []invocation {
	var all []invocation
	for _, m := range zabraLine.FindAllStringSubmatch(text, -1) {
		inv := invocation{where: where, command: m[1]}
		for _, f := range longFlag.FindAllStringSubmatch(m[2], -1) {
			inv.flags = append(inv.flags, f[1])
		}
		all = append(all, inv)
	}
	return all
}

func (p *page) invocations() []invocation {
	var all []invocation
	for _, b := range p.blocks {
		if b.is("sh") || b.is("ini") {
			all = append(all, invocations(p.path, b.text)...)
		}
	}
	for _, s := range p.spans() {
		all = append(all, invocations(p.path, s)...)
	}
	return all
}

var helpFlag = regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([\w.-]+)`)

// flagsOf is what a command accepts: what its help lists and, for the server,
// every key.
func flagsOf(t *testing.T, command string) map[string]bool {
	set := map[string]bool{}
	for _, m := range helpFlag.FindAllStringSubmatch(help(t, command), -1) {
		set[m[1]] = true
	}
	if command == "server" {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		zoocfg.NewFlags().Register(fs)
		fs.VisitAll(func(f *pflag.Flag) { set[f.Name] = true })
	}
	return set
}

var commandLine = regexp.MustCompile(`(?m)^  ([a-z]+) +\S`)

func TestCommandsAndFlagsExist(t *testing.T) {
	commands := map[string]map[string]bool{}
	for _, m := range commandLine.FindAllStringSubmatch(help(t, ""), -1) {
		commands[m[1]] = nil
	}
	n := 0
	for _, p := range pages(t) {
		for _, inv := range p.invocations() {
			n++
			flags, known := commands[inv.command]
			if !known {
				t.Errorf("%s: there is no command zabra %s", inv.where, inv.command)
				continue
			}
			if flags == nil {
				flags = flagsOf(t, inv.command)
				commands[inv.command] = flags
			}
			for _, f := range inv.flags {
				if !flags[f] {
					t.Errorf("%s: zabra %s has no flag --%s", inv.where, inv.command, f)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no page shows a command")
	}
}

func TestInvocations(t *testing.T) {
	got := invocations("x", "bin/zabra server --clientPort 1 --a.b=c & x\nfoo | zabra cli get /x # zabra --z\nuser zabra\n(zabra bench read --pid 3)\n")
	if len(got) != 3 || got[0].command != "server" || strings.Join(got[0].flags, " ") != "clientPort a.b" ||
		got[1].command != "cli" || len(got[1].flags) != 0 || got[2].flags[0] != "pid" {
		t.Errorf("%+v", got)
	}
}
