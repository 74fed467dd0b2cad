package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/zabra/zabra/internal/cli"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
)

// startServer runs a server on loopback and returns its address.
func startServer(t *testing.T) string {
	t.Helper()
	return startServerWith(t, "clientPort=0\nclientPortAddress=127.0.0.1")
}

// startServerWith is startServer with other ports, the first of which it returns, and
// more lines of zoo.cfg.
func startServerWith(t *testing.T, lines ...string) string {
	t.Helper()
	conf := strings.Join(lines, "\n") + "\nadmin.enableServer=false\nextendedTypesEnabled=true\ndataDir=" + t.TempDir() + "\n"
	cfg, _, err := zoocfg.Parse("zoo.cfg", []byte(conf))
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Open(cfg, osfs.FS{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	return s.Addrs()[0].String()
}

// steady replaces what differs from run to run.
func steady(s string) string {
	s = regexp.MustCompile(`0x[0-9a-f]+`).ReplaceAllString(s, "0x#")
	s = regexp.MustCompile(`zxid: \d+`).ReplaceAllString(s, "zxid: #")
	return regexp.MustCompile(`= \w{3} \w{3} \d.*`).ReplaceAllString(s, "= DATE")
}

// unhinted is what was printed without what to try.
func unhinted(s string) string {
	return regexp.MustCompile(`(?m)^hint: .*\n`).ReplaceAllString(s, "")
}

const greetingStat = `cZxid = 0x#
ctime = DATE
mZxid = 0x#
mtime = DATE
pZxid = 0x#
cversion = 0
dataVersion = 0
aclVersion = 0
ephemeralOwner = 0x#
dataLength = 5
numChildren = 0
`

// TestCLI is one session of use, a process for each command.
func TestCLI(t *testing.T) {
	addr := startServer(t)
	for _, tc := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"ls /", 0, "[zookeeper]\n", ""},
		{"create /greeting hello", 0, "", "Created /greeting\n"},
		{"create /greeting hello", 1, "", "error: Node already exists: /greeting\n"},
		{"get /greeting", 0, "hello\n", ""},
		{"get -s /greeting", 0, "hello\n" + greetingStat, ""},
		{"stat /greeting", 0, greetingStat, ""},
		{"--json get /greeting", 0, `{"path":"/greeting","data":"hello","encoding":"utf-8"}` + "\n", ""},
		{"--json ls /", 0, `{"path":"/","children":["greeting","zookeeper"]}` + "\n", ""},
		{"set /greeting bye", 0, "", ""},
		{"set -v 0 /greeting x", 5, "", "error: version No is not valid : /greeting\n"},
		{"set -v 1 /greeting ciao", 0, "", ""},
		{"create -s /greeting/n", 0, "", "Created /greeting/n0000000000\n"},
		{"get /greeting/n0000000000", 0, "null\n", ""},
		{"create -c /greeting/c", 0, "", "Created /greeting/c\n"},
		{"create -t 60000 /greeting/t", 0, "", "Created /greeting/t\n"},
		{"create -t 5 -e /greeting/u", 2, "", "error: TTLs cannot be used with Ephemeral znodes\nusage: create [-s] [-e] [-c] [-t ttl] path [data] [acl]\n"},
		{"create -c -e /greeting/u", 2, "", "error: -c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.\nusage: create [-s] [-e] [-c] [-t ttl] path [data] [acl]\n"},
		{"ls -R /greeting", 0, "/greeting\n/greeting/c\n/greeting/n0000000000\n/greeting/t\n", ""},
		{"getAllChildrenNumber /greeting", 0, "3\n", ""},
		{"delete /greeting", 1, "", "error: Node not empty: /greeting\n"},
		{"delete -v 7 /greeting/t", 5, "", "error: version No is not valid : /greeting/t\n"},
		{"getAcl /greeting", 0, "'world,'anyone\n: cdrwa\n", ""},
		{"setAcl /greeting world:anyone:r,digest:a:b=:cdrwa", 0, "", ""},
		{"--auth digest:root:pw getAcl /greeting", 0, "'world,'anyone\n: r\n'digest,'a:x\n: cdrwa\n", ""},
		{"setAcl /greeting world:r", 2, "", "error: world:r does not have the form scheme:id:perm\nusage: setAcl [-s] [-v version] [-R] path acl\n"},
		{"setAcl /greeting world:anyone:rz", 2, "", "error: Unknown perm type: z\nusage: setAcl [-s] [-v version] [-R] path acl\n"},
		{"set /greeting x", 4, "", "error: Insufficient permission : /greeting\n"},
		{"--auth digest:root:pw whoami", 0, "Auth scheme: User\nip: 127.0.0.1\ndigest: root\n", ""},
		{"--auth nonsense whoami", 2, "", "error: --auth: want scheme:credentials\nRun \"zabra cli --help\" for usage.\n"},
		{"sync /greeting", 0, "Sync is OK\n", ""},
		{"getEphemerals", 0, "[]\n", ""},
		{"create /mine secret digest:me:x:cdrwa", 0, "", "Created /mine\n"},
		{"get /mine", 4, "", "error: Insufficient permission : /mine\n"},
		{"create /tree", 0, "", "Created /tree\n"},
		{"create /tree/a", 0, "", "Created /tree/a\n"},
		{"create /tree/a/b", 0, "", "Created /tree/a/b\n"},
		{"setAcl -R /tree world:anyone:cdrwa", 0, "", ""},
		{"deleteall /tree -b 2", 0, "", ""},
		{"get /tree", 1, "", "error: Node does not exist: /tree\n"},
		{"deleteall /greeting", 4, "", "error: Failed to delete some node(s) in the subtree!\nInsufficient permission : /greeting/c\n"},
		{"get greeting", 2, "", "error: Path must start with / character\nusage: get [-s] [-w] [-b] [-x] path\n"},
		{"get", 2, "", "error: get [-s] [-w] [-b] [-x] path\n"},
		{"frobnicate /", 127, "", "error: Command not found: Command not found frobnicate\n"},
		{"addWatch -m SOMETIMES /", 2, "", "error: addWatch [-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE\n"},
	} {
		stdout, stderr, code := zabra(t, append([]string{"cli", "--server", addr}, strings.Fields(tc.args)...)...)
		if code != tc.code || steady(stdout) != tc.stdout || unhinted(stderr) != tc.stderr {
			t.Errorf("zabra cli %s: code %d\nstdout %q\nstderr %q\nwant code %d\nstdout %q\nstderr %q",
				tc.args, code, stdout, stderr, tc.code, tc.stdout, tc.stderr)
		}
	}
}

func TestCLIWithoutServer(t *testing.T) {
	if _, stderr, code := zabra(t, "cli", "--connect-timeout", "100ms", "--server", "127.0.0.1:1", "ls", "/"); code != cli.ExitNoConn || !strings.Contains(stderr, "127.0.0.1:1") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	if _, stderr, code := zabra(t, "cli", "--server", "a:b:c", "ls", "/"); code != exitUsage || !strings.Contains(stderr, "a:b:c") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

// A script that is piped in is one session: its ephemeral node lives until the
// end, and its watch tells what the session itself does.
func TestCLIScript(t *testing.T) {
	script := `addWatch -m PERSISTENT_RECURSIVE /
create -e /e "two words"

get /e
getEphemerals
get /none
set /e ''
get /e
quit
get /not/reached
`
	var out, errOut bytes.Buffer
	env := environment{in: strings.NewReader(script), out: &out, err: &errOut}
	code := run(t.Context(), []string{"cli", "--server", startServer(t)}, env)
	event := func(typ string) string {
		return "\nWATCHER::\n\nWatchedEvent state:SyncConnected type:" + typ + " path:/e zxid: #\n"
	}
	want := event("NodeCreated") + "two words\n[/e]\n" + event("NodeDataChanged") + "\n" + event("NodeDeleted")
	if got := steady(out.String()); got != want {
		t.Errorf("stdout %q\nwant %q", got, want)
	}
	if got, want := unhinted(errOut.String()), "Created /e\nNode does not exist: /none\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if code != exitOK {
		t.Errorf("code %d", code)
	}
}

func TestCLIScriptHasTheCodeOfItsLastCommand(t *testing.T) {
	addr := startServer(t)
	for script, want := range map[string]int{
		"get /none\nls /\n":   exitOK,
		"ls /\nget /none\n":   exitFailed,
		"ls /\nget\n":         exitUsage,
		"ls /\nnonsense\n":    cli.ExitUnknown,
		"ls /\nget 'open\n":   exitUsage,
		"nonsense\nls /\n \n": exitOK,
	} {
		env := environment{in: strings.NewReader(script), out: io.Discard, err: io.Discard}
		if code := run(t.Context(), []string{"cli", "--server", addr}, env); code != want {
			t.Errorf("%q: code %d, want %d", script, code, want)
		}
	}
}

// waiter is an output that tells when it holds a text.
type waiter struct {
	sync.Mutex
	b    bytes.Buffer
	text string
	seen chan struct{}
}

func (w *waiter) Write(p []byte) (int, error) {
	w.Lock()
	defer w.Unlock()
	n, err := w.b.Write(p)
	if w.text != "" && strings.Contains(w.b.String(), w.text) {
		w.text = ""
		close(w.seen)
	}
	return n, err
}

func (w *waiter) String() string {
	w.Lock()
	defer w.Unlock()
	return w.b.String()
}

// addWatch as the one command prints events until it is interrupted.
func TestCLIAddWatchPrintsEvents(t *testing.T) {
	addr := startServer(t)
	out := &waiter{text: `"path":"/w"`, seen: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		env := environment{in: strings.NewReader(""), out: out, err: io.Discard}
		code <- run(ctx, []string{"cli", "--server", addr, "--json", "addWatch", "/w"}, env)
	}()
	for n := 0; ; n++ {
		zabra(t, "cli", "--server", addr, "create", "/w")
		zabra(t, "cli", "--server", addr, "delete", "/w")
		select {
		case <-out.seen:
		case <-time.After(20 * time.Millisecond):
			if n < 500 {
				continue
			}
			t.Error("no event")
		}
		break
	}
	cancel()
	if c := <-code; c != exitOK {
		t.Errorf("code %d", c)
	}
	out.Lock()
	defer out.Unlock()
	for line := range strings.Lines(out.b.String()) {
		var e struct{ Event, Path, Zxid string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Path != "/w" || e.Event == "" || !strings.HasPrefix(e.Zxid, "0x") {
			t.Errorf("event %q: %v", line, err)
		}
	}
}
