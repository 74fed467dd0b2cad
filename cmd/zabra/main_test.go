package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// zabra runs a command line and returns what it printed and its exit code.
func zabra(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return zabraContext(t.Context(), args...)
}

func zabraContext(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	var out, errOut bytes.Buffer
	code = run(ctx, args, environment{in: strings.NewReader(""), out: &out, err: &errOut})
	return out.String(), errOut.String(), code
}

func TestExitCodes(t *testing.T) {
	for _, tc := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{}, exitOK, "Usage:", ""},
		{[]string{"--help"}, exitOK, "Usage:", ""},
		{[]string{"version"}, exitOK, "zabra ", ""},
		{[]string{"--version"}, exitOK, "zabra ", ""},
		{[]string{"version", "now"}, exitUsage, "", `unknown command "now"`},
		{[]string{"frobnicate"}, exitUsage, "", `unknown command "frobnicate"`},
		{[]string{"--frobnicate"}, exitUsage, "", "unknown flag: --frobnicate"},
	} {
		stdout, stderr, code := zabra(t, tc.args...)
		if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
			t.Errorf("zabra %v: code %d, stdout %q, stderr %q; want code %d, %q, %q",
				tc.args, code, stdout, stderr, tc.code, tc.stdout, tc.stderr)
		}
	}
}

func TestEveryCommandIsDocumented(t *testing.T) {
	root := newRoot()
	for _, cmd := range root.Commands() {
		if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s: a command has a short description and an example", cmd.Name())
		}
	}
}

func TestNoColourInAPipe(t *testing.T) {
	if _, stderr, _ := zabra(t, "frobnicate"); strings.Contains(stderr, "\x1b") {
		t.Errorf("escape codes in %q", stderr)
	}
}

// A mistake in the way a configuration is named does not start a server with
// another one.
func TestServerWithoutItsConfiguration(t *testing.T) {
	for want, args := range map[string][]string{
		"--config names no file":                      {"server", "--config", ""},
		"a configuration file is given with --config": {"server", "zoo.cfg"},
		"no such file":                                {"server", "--config", "/does/not/exist.cfg"},
		"unknown flag":                                {"server", "--frobnicate"},
		"tickTime = \"soon\"":                         {"server", "--tickTime", "soon"},
	} {
		if _, stderr, code := zabra(t, args...); code != exitConfig || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
}

// A server that has crashed is to be started again, and one that is configured wrongly
// is not: whoever looks after it tells them apart by the exit code, and a crash has the
// one that Go's runtime gives it.
func TestCrashIsNoMistakeInTheConfiguration(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("\nRestartPreventExitStatus=%d\n", exitConfig); !strings.Contains(string(page), want) {
		t.Errorf("docs/operating.md lacks %q", want)
	}
	if os.Getenv("ZABRA_TEST_CRASH") != "" {
		go panic("crash")
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashIsNoMistakeInTheConfiguration$")
	cmd.Env = append(os.Environ(), "ZABRA_TEST_CRASH=1")
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() == exitConfig {
		t.Errorf("a crash ends with %v", err)
	}
}
