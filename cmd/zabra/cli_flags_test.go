package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zabra/zabra/internal/cli"
)

// parseCLI is what the flags of zabra cli make of words, and the words behind them.
func parseCLI(t *testing.T, words ...string) (cli.Config, []string) {
	t.Helper()
	flags := cliFlags{timeout: sessionTimeout(30 * time.Second)}
	set := pflag.NewFlagSet("cli", pflag.ContinueOnError)
	flags.register(set)
	set.SetNormalizeFunc(serverFlag)
	if err := set.Parse(twoDashes(set, words)); err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	cfg, err := flags.shell(new(cobra.Command))
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	return cfg, set.Args()
}

// zkCli's own options mean what they mean there, and so do ours beside them; what follows
// the command is the command's.
func TestOptionsOfZkCli(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.properties")
	if err := os.WriteFile(file, []byte("jute.maxbuffer=0x400000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, rest := parseCLI(t, "-server", "a:1,b:2/c", "-timeout", "7000", "-r", "-waitforconnection", "-client-configuration", file, "ls", "-s", "-timeout")
	if cfg.Servers != "a:1,b:2/c" || cfg.Options.SessionTimeout != 7*time.Second || !cfg.Options.ReadOnly || cfg.Patience != 7*time.Second ||
		cfg.Options.MaxRequest != 4<<20 || !slices.Equal(rest, []string{"ls", "-s", "-timeout"}) {
		t.Errorf("%+v %q", cfg, rest)
	}
	cfg, rest = parseCLI(t, "--servers", "a:1", "-timeout", "1m", "--connect-timeout", "2m", "--max-request", "5", "--client-configuration", file, "--json", "get")
	if cfg.Servers != "a:1" || cfg.Options.SessionTimeout != time.Minute || cfg.Patience != 2*time.Minute || cfg.Options.ReadOnly ||
		cfg.Options.MaxRequest != 5 || !cfg.JSON || !slices.Equal(rest, []string{"get"}) {
		t.Errorf("%+v %q", cfg, rest)
	}
	cfg, rest = parseCLI(t)
	if cfg.Servers != "127.0.0.1:2181" || cfg.Options.SessionTimeout != 30*time.Second || cfg.Options.ReadOnly || cfg.Options.MaxRequest != 0 || len(rest) != 0 {
		t.Errorf("%+v %q", cfg, rest)
	}
}

// Nodes of more than 1 MiB are had where servers allow them, and who does not say so is
// told how.
func TestLargeNodes(t *testing.T) {
	addr := startServerWith(t, "clientPort=0\nclientPortAddress=127.0.0.1", "jute.maxbuffer=4194304")
	config := filepath.Join(t.TempDir(), "client.properties")
	if err := os.WriteFile(config, []byte("jute.maxbuffer=3000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", 2<<20)
	say := func(env string, words ...string) (stdout, stderr string, code int) {
		t.Setenv("ZABRA_CLI_MAX_REQUEST", env)
		return zabra(t, append([]string{"cli", "--server", addr}, words...)...)
	}
	for _, tc := range []struct {
		env     string
		words   []string
		refused string // the path that the error names
	}{
		{"", []string{"create", "/a", large}, "/a"},
		{"", []string{"--max-request", "2000000", "create", "/a", large}, "/a"},
		{"", []string{"--max-request", "4194304", "create", "/a", large}, ""},
		{"", []string{"cp", "/a", "/b"}, "/b"},
		{"4194304", []string{"cp", "/a", "/b"}, ""},
		{"4194304", []string{"cp", "/a", "/b"}, "/b"}, // it is there
		{"4194304", []string{"diff", "/a", "/b"}, ""},
		{"2000000", []string{"--client-configuration", config, "set", "/b", large}, "/b"}, // the environment wins
		{"", []string{"--client-configuration", config, "set", "/b", large}, ""},
		{"", []string{"get", "/b"}, ""}, // no bound for what is read
		{"", []string{"--max-request", "4194304", "mv", "/a", "/c"}, ""},
	} {
		out, errs, code := say(tc.env, tc.words...)
		what := fmt.Sprintf("%.60q", tc.words)
		switch {
		case tc.refused == "":
			if code != 0 || strings.Contains(errs, "error") || tc.words[0] == "get" && out != large+"\n" {
				t.Errorf("%s: %d %.200q", what, code, errs)
			}
		case code != exitFailed || !strings.Contains(errs, ": "+tc.refused+"\n"):
			t.Errorf("%s: %d %.300q", what, code, errs)
		case tc.env != "4194304" && (!strings.HasPrefix(errs, "error: Request too large (2097") || !strings.Contains(errs, "\nhint: --max-request")):
			t.Errorf("%s: %.300q", what, errs)
		}
	}
	if err := os.WriteFile(config, []byte("jute.maxbuffer=1m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"--max-request", "-1", "ls", "/"}, {"--max-request", "1m", "ls", "/"}, {"--client-configuration", config, "ls", "/"}} {
		if _, errs, code := say("", words...); code != exitUsage {
			t.Errorf("%q: %d %q", words, code, errs)
		}
	}
}

// An export goes through a pipe, and half of one makes nothing more than it holds, and says so.
func TestExportThroughAPipe(t *testing.T) {
	addr := startServer(t)
	for _, words := range [][]string{{"create", "/a", "x\ny"}, {"create", "/a/b", "z"}, {"create", "/a/none"}} {
		if _, errs, code := zabra(t, append([]string{"cli", "--server", addr}, words...)...); code != 0 {
			t.Fatal(errs)
		}
	}
	exported, _, code := zabra(t, "cli", "--server", addr, "export", "/a", "-")
	if code != 0 || strings.Count(exported, "\n") != 5 {
		t.Fatalf("%d %q", code, exported)
	}
	take := func(text, path string) (string, int) {
		var out bytes.Buffer
		code := run(t.Context(), []string{"cli", "--server", addr, "import", "-", path}, environment{in: strings.NewReader(text), out: &out, err: &out})
		return out.String(), code
	}
	if said, code := take(exported, "/c"); code != 0 || said != "3 nodes are imported\n" {
		t.Errorf("%d %q", code, said)
	}
	if out, errs, code := zabra(t, "cli", "--server", addr, "diff", "/a", "/c"); code != 0 {
		t.Errorf("%d %q %q", code, out, errs)
	}
	half := exported[:strings.LastIndex(strings.TrimSuffix(exported, "\n"), "\n")+1]
	if said, code := take(half, "/half"); code != exitFailed || !strings.Contains(said, "it ends too early") {
		t.Errorf("%d %q", code, said)
	}
}

// The editor is the user's: VISUAL before EDITOR, with its own words, and vi for nobody's.
func TestEditor(t *testing.T) {
	for _, tc := range []struct{ visual, editor, want string }{
		{"code --wait", "ed", "code --wait"}, {"", "ed -s", "ed -s"}, {" ", "ed", "ed"}, {"", "", "vi"},
	} {
		t.Setenv("VISUAL", tc.visual)
		t.Setenv("EDITOR", tc.editor)
		if got := strings.Join(editor(), " "); got != tc.want {
			t.Errorf("%+v: %q", tc, got)
		}
	}
	t.Setenv("EDITOR", "false")
	if err := editFile("/none"); err == nil {
		t.Error("an editor that fails")
	}
}
