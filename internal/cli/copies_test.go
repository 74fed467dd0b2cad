package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/testserver"
)

// plant makes a node with n children, which have the numbers as data.
func (r *rig) plant(path string, n int) {
	r.t.Helper()
	if _, err := r.svc.Create(r.t.Context(), path, []byte("root")); err != nil {
		r.t.Fatal(err)
	}
	for at := 0; at < n; {
		txn := new(client.Txn)
		for ; at < n && txn.Len() < 500; at++ {
			txn.Create(fmt.Sprintf("%s/%05d", path, at), fmt.Append(nil, at))
		}
		if _, err := r.svc.Commit(r.t.Context(), txn); err != nil {
			r.t.Fatal(err)
		}
	}
}

// names are those of the children, sorted.
func (r *rig) names(path string) []string {
	r.t.Helper()
	list, _, err := r.svc.Children(r.t.Context(), path)
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// A gate is a service that calls a function before each transaction.
type gate struct {
	Service
	before func(n int)
	n      int
}

func (g *gate) Commit(ctx context.Context, t *client.Txn) ([]client.Result, error) {
	g.n++
	g.before(g.n)
	return g.Service.Commit(ctx, t)
}

func TestCopyToAnotherServer(t *testing.T) {
	r, other := newRig(t, nil), testserver.Start(t)
	r.cfg.Dial = func(ctx context.Context, servers string, auth []client.Auth) (Service, error) {
		return client.Open(ctx, servers, client.Options{Auth: auth})
	}
	r.plant("/a", 250)
	there := other.Addr() + other.Root
	for _, step := range []struct{ line, want string }{
		{"cp /a " + there + "/copied", "251 nodes are copied\n"},
		{"diff /a " + there + "/copied", ""},
		{"diff /a " + there + "/none", "Node does not exist: /none\n"},
		{"set /a/00007 new", ""},
		{"diff /a " + there + "/copied", "~ /00007: data\n  - \"new\"\n  + \"7\"\n"},
		{"cp -f /a " + there + "/copied", "251 nodes are copied\n"},
		{"diff /a " + there + "/copied", ""},
		{"cp /a " + there + "/copied", "Node already exists: "},
		{"cp /a 127.0.0.1:1/x", "connect to 127.0.0.1:1: "},
		{"ls /", "[a, zookeeper]\n"},
	} {
		r.cfg.Patience = 300 * time.Millisecond
		if strings.Contains(step.line, there) {
			r.cfg.Patience = time.Minute
		}
		if got := r.script(step.line + "\n"); !strings.Contains(got, step.want) || step.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", step.line, got, step.want)
		}
	}
}

// A node that holds more than fits into a transaction moves, with all that is in it.
func TestMoveOfMany(t *testing.T) {
	r := newRig(t, nil)
	const n = moveNodes + 500
	r.plant("/a", n)
	if got := r.script("mv /a /b\n"); !strings.HasSuffix(got, fmt.Sprintf("\n%d nodes are moved\n", n+1)) {
		t.Error(got)
	}
	names := r.names("/b")
	if len(names) != n {
		t.Fatal(len(names))
	}
	for i, name := range names {
		data, _, err := r.svc.Get(t.Context(), "/b/"+name)
		if err != nil || string(data) != fmt.Sprint(i) || name != fmt.Sprintf("%05d", i) {
			t.Fatalf("%s: %q %v", name, data, err)
		}
	}
	if _, there, err := r.svc.Exists(t.Context(), "/a"); there || err != nil {
		t.Error("it is still there", err)
	}
}

// What is changed while it is moved is not lost, and what there is is said.
func TestMoveOfWhatChanges(t *testing.T) {
	for name, change := range map[string]func(*rig) error{
		"a node": func(r *rig) error {
			_, err := r.svc.Set(r.t.Context(), "/a/00003", []byte("new"), client.AnyVersion)
			return err
		},
		"the root": func(r *rig) error {
			_, err := r.svc.Set(r.t.Context(), "/a", []byte("new"), client.AnyVersion)
			return err
		},
		"a new one": func(r *rig) error {
			_, err := r.svc.Create(r.t.Context(), "/a/00003/new", nil)
			return err
		},
	} {
		r := newRig(t, nil)
		const n = moveNodes + 50
		r.plant("/a", n)
		r.svc = &gate{Service: r.svc, before: func(i int) {
			if i == 8 { // of 11 with copies
				if err := change(r); err != nil {
					t.Error(err)
				}
			}
		}}
		err := r.Run(t.Context(), []string{"mv", "/a", "/b"})
		var part *PartError
		if !errors.As(err, &part) || !strings.Contains(err.Error(), fmt.Sprint(n+1, " nodes are copied to /b, and ")) {
			t.Errorf("%s: %v", name, err)
		}
		if ExitCode(err) != ExitVersion || !strings.Contains(err.Error(), "was changed while it was copied\n") || name != "the root" && !strings.Contains(err.Error(), "/a/00003") {
			t.Errorf("%s: %d %v", name, ExitCode(err), err)
		}
		if _, there, err := r.svc.Exists(t.Context(), map[string]string{"a node": "/a/00003", "the root": "/a", "a new one": "/a/00003/new"}[name]); !there || err != nil {
			t.Errorf("%s: what was changed is gone, %v", name, err)
		}
	}
}

// What fits into one transaction moves as it was read, or not at all.
func TestSmallMoveOfWhatChanges(t *testing.T) {
	for name, change := range map[string]func(*rig) error{
		"data": func(r *rig) error {
			return second(r.svc.Set(r.t.Context(), "/a/00001", []byte("new"), client.AnyVersion))
		},
		"a new one": func(r *rig) error { return second(r.svc.Create(r.t.Context(), "/a/00001/new", nil)) },
		"one less":  func(r *rig) error { return r.svc.Delete(r.t.Context(), "/a/00002", client.AnyVersion) },
	} {
		r := newRig(t, nil)
		r.plant("/a", 3)
		r.svc = &gate{Service: r.svc, before: func(int) {
			if err := change(r); err != nil {
				t.Error(err)
			}
		}}
		if err := r.Run(t.Context(), []string{"mv", "/a", "/b"}); err == nil || name == "data" && ExitCode(err) != ExitVersion {
			t.Errorf("%s: %v", name, err)
		}
		if got := r.names("/"); !slices.Equal(got, []string{"a", "zookeeper"}) {
			t.Errorf("%s: then there are %q", name, got)
		}
	}
}

// interrupted runs a line that is interrupted before its nth transaction, and returns
// what it said.
func (r *rig) interrupted(line string, n int) string {
	r.t.Helper()
	ctx, interrupt := context.WithCancel(r.t.Context()) // as an interrupt ends the command's context
	defer interrupt()
	r.svc = &gate{Service: r.svc, before: func(i int) {
		if i == n {
			interrupt()
		}
	}}
	r.out.Reset()
	err := r.Run(ctx, words(line))
	r.report(err)
	if ExitCode(err) != ExitInterrupted {
		r.t.Errorf("%s: exit code %d, %v", line, ExitCode(err), err)
	}
	r.svc = r.svc.(*gate).Service
	return r.out.String()
}

// Ctrl-C ends a copy between two transactions, and how much is done is said, and true.
func TestInterruptedCopies(t *testing.T) {
	r, file := newRig(t, nil), filepath.Join(t.TempDir(), "a.json")
	r.plant("/a", 3000)
	r.script("export /a " + file + "\n")
	for _, tc := range []struct{ line, what string }{{"cp /a /b", "copied"}, {"import " + file + " /c", "imported"}, {"mv /a /d", "copied to /d, none is deleted of /a"}} {
		said := r.interrupted(tc.line, 4)
		var n int
		if _, err := fmt.Sscanf(said, "interrupted\n%d nodes are", &n); err != nil || !strings.Contains(said, " nodes are "+tc.what+", the rest is not\n") {
			t.Errorf("%s: %q", tc.line, said)
		}
		top := tc.line[strings.LastIndexByte(tc.line, ' ')+1:]
		if got := len(r.names(top)) + 1; got != n || n < 300 || n > 3000 {
			t.Errorf("%s: %d nodes are there, and it said %q", tc.line, got, said)
		}
		if got := len(r.names("/a")); got != 3000 {
			t.Errorf("%s: %d are left of /a", tc.line, got)
		}
	}
	said := r.interrupted("deleteall /a -b 100", 4)
	var n int
	if _, err := fmt.Sscanf(said, "interrupted\n%d nodes are deleted", &n); err != nil || len(r.names("/a"))+n != 3000 || n < 300 {
		t.Errorf("%q, and %d are there", said, len(r.names("/a")))
	}
}

// An export that is interrupted leaves no file behind, and says where a part of its
// directories is.
func TestInterruptedExports(t *testing.T) {
	r, dir := newRig(t, nil), t.TempDir()
	r.plant("/a", 200)
	ctx, cancel := context.WithCancel(t.Context())
	slow := &stopAt{Service: r.svc, path: "/a/00150", stop: cancel}
	r.svc = slow
	if err := r.Run(ctx, []string{"export", "/a", dir + "/a.json"}); ExitCode(err) != ExitInterrupted {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Error("it left", entries, err)
	}
	ctx, slow.stop = context.WithCancel(t.Context())
	err := r.Run(ctx, []string{"export", "-dir", "/a", dir + "/a"})
	if ExitCode(err) != ExitInterrupted || !strings.Contains(err.Error(), "a part of the export is in "+dir+"/a") {
		t.Error(err)
	}
}

// stopAt calls stop when a node is read.
type stopAt struct {
	Service
	path string
	stop context.CancelFunc
}

func (s *stopAt) Get(ctx context.Context, path string) ([]byte, client.Stat, error) {
	if path == s.path {
		s.stop()
	}
	return s.Service.Get(ctx, path)
}

// watch tells what others do below a node, and where it may have missed something.
func TestWatchAsOthersChangeThings(t *testing.T) {
	out := new(shared)
	r := newRig(t, func(c *Config) { c.Out, c.Err = out, out })
	others := client.Options{Dial: r.way.Dial}
	c, err := client.Open(t.Context(), "any:1", others)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	set := make(chan struct{})
	r.svc = &told{Service: r.svc, added: func() { close(set) }}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(t.Context(), []string{"watch", "-d", "-n", "6", "/w"}) }()
	<-set
	ctx := t.Context()
	for _, err := range []error{
		c.MakePath(ctx, "/w/sub"),
		second(c.Create(ctx, "/w/sub/e", []byte("two\nlines"), client.Ephemeral)),
		second(c.Set(ctx, "/w", []byte("x"), client.AnyVersion)),
		second(c.Create(ctx, "/elsewhere", nil)),
		c.Delete(ctx, "/w/sub/e", client.AnyVersion),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); !strings.Contains(out.String(), "deleted"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not tell of the end of a node: %s", out)
		}
	}
	r.way.Cut(false) // which may have hidden something
	if err := <-ended; err != nil {
		t.Error(err)
	}
	var got []string
	for line := range strings.Lines(steady(out.String())) {
		if change, ok := strings.CutPrefix(line, "HH:MM:SS "); ok { // else it is about the connection
			got = append(got, strings.Join(strings.Fields(change)[:2], " "))
		}
	}
	want := []string{"created /w", "created /w/sub", "created /w/sub/e", "changed /w", "deleted /w/sub/e", "gap /w"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\n%s", got, out)
	}
	if !strings.Contains(out.String(), "changed /w \"x\"\n") {
		t.Error("without the data there is then:", out)
	}
}

// shared is what a command prints, to be read while it runs.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Ctrl-C is how watch is meant to end.
func TestWatchEndsByInterrupt(t *testing.T) {
	r, interrupt, set := newRig(t, nil), make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(interrupt, syscall.SIGUSR1)
	defer signal.Stop(interrupt)
	r.svc = &told{Service: r.svc, added: func() { close(set) }}
	ended := make(chan error, 1)
	go func() { ended <- r.interruptible(t.Context(), words("watch /w"), interrupt) }()
	<-set
	interrupt <- os.Interrupt
	if err := <-ended; err != nil || r.out.Len() != 0 {
		t.Error(err, r.out)
	}
}

func second[T any](_ T, err error) error { return err }

// told is a service that tells when a watch is set.
type told struct {
	Service
	added func()
}

func (s *told) AddWatch(ctx context.Context, path string, recursive bool) (*client.Watch, error) {
	w, err := s.Service.AddWatch(ctx, path, recursive)
	s.added()
	return w, err
}

// Directories that hold what cannot be a node change nothing, and the error names it.
func TestImportOfAwkwardDirectories(t *testing.T) {
	r := newRig(t, nil)
	put := func(path, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		make func(dir string) error
		want string
	}{
		"a newline":           {func(dir string) error { put(dir+"/x\ny", ""); return nil }, `x\ny": its name cannot be that of a node`},
		"not UTF-8":           {func(dir string) error { put(dir+"/x\xffy", ""); return nil }, "its name cannot be that of a node"},
		"a link":              {func(dir string) error { return os.Symlink("/etc/hostname", dir+"/link") }, `link": it is neither a file nor a directory`},
		"a pipe":              {func(dir string) error { return syscall.Mkfifo(dir+"/pipe", 0o600) }, "neither a file"},
		"data that is a link": {func(dir string) error { return os.Symlink("/etc/hostname", dir+"/.data") }, ".data: it is neither"},
		"data that is a pipe": {func(dir string) error { return syscall.Mkfifo(dir+"/.data", 0o600) }, ".data: it is neither"},
		"an ACL of nothing":   {func(dir string) error { put(dir+"/sub/.acl", "x"); return nil }, `sub": .acl: `},
		"a kind of nothing":   {func(dir string) error { put(dir+"/sub/.kind", "ttl"); return nil }, `sub": .kind: want container, or ttl`},
		"too large": {func(dir string) error {
			put(dir+"/large", "")
			return os.Truncate(dir+"/large", maxExportLine+1)
		}, "more than a node holds"},
		"unreadable": {func(dir string) error {
			put(dir+"/secret", "")
			if os.Geteuid() == 0 {
				return os.Symlink("nothing", dir+"/link") // who may read all finds something else
			}
			return os.Chmod(dir+"/secret", 0)
		}, "import \""},
	} {
		dir := filepath.Join(t.TempDir(), "dir")
		put(dir+"/a/first", "1") // would be made, if not all was looked at before
		if err := tc.make(dir); err != nil {
			t.Fatal(name, err)
		}
		if err := r.Run(t.Context(), []string{"import", dir, "/i"}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, there, _ := r.svc.Exists(t.Context(), "/i"); there {
			t.Fatalf("%s: something was made", name)
		}
	}
}

// What a node can be called, a file cannot always; what it can comes back as it was.
func TestExportOfAwkwardNodes(t *testing.T) {
	r, dir := newRig(t, nil), t.TempDir()
	ctx := t.Context()
	if _, err := r.svc.Create(ctx, "/a", nil); err != nil {
		t.Fatal(err)
	}
	nodes := map[string][]byte{
		"/a/.data": []byte("x"), "/a/.acl": nil, "/a/.kind": []byte("x"), "/a/..x": {}, "/a/%2E": {0xff, 0, 0xfe}, "/a/%": []byte("\n"),
		"/a/b c": []byte("\r\n"), "/a/\\": []byte("\xc3"), "/a/ ": []byte{0}, "/a/\u2028": []byte("\u2028"), "/a/-f": []byte("<&>"),
	}
	for path, data := range nodes {
		if _, err := r.svc.Create(ctx, path, data); err != nil {
			t.Fatal(path, err)
		}
	}
	for _, line := range []string{"export /a " + dir + "/f", "import " + dir + "/f /f", "export -dir /a " + dir + "/d", "import " + dir + "/d /d"} {
		if err := r.Run(ctx, words(line)); err != nil {
			t.Fatal(line, err)
		}
	}
	if err := os.Symlink(dir+"/d", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(ctx, []string{"import", dir + "/link", "/l"}); err != nil { // a link that is named is meant
		t.Fatal(err)
	}
	for _, top := range []string{"/f", "/d", "/l"} {
		if len(r.names(top)) != len(nodes) {
			t.Errorf("%q", r.names(top))
		}
		for path, data := range nodes {
			got, _, err := r.svc.Get(ctx, top+path[2:])
			if err != nil || !bytes.Equal(got, data) || (got == nil) != (data == nil) {
				t.Errorf("%s%s: %q %v, want %q", top, path[2:], got, err, data)
			}
		}
	}
	long := "/a/" + strings.Repeat("n", 300)
	if _, err := r.svc.Create(ctx, long, []byte("x")); err != nil {
		t.Fatal(err)
	}
	err := r.Run(ctx, []string{"export", "-dir", "/a", dir + "/long"})
	if err == nil || !strings.Contains(err.Error(), "file name too long") || !strings.Contains(err.Error(), "a part of the export is in "+dir+"/long") {
		t.Error(err)
	}
	if got := r.script("export /a " + dir + "/long.json\nimport " + dir + "/long.json /long\ndiff /a /long\n"); strings.Contains(got, "too long") || !strings.HasSuffix(got, " are imported\n") {
		t.Error(got)
	}
}

// Containers and nodes with a time to live are made where an export says so, and where
// nobody can know of them that is said.
func TestKindsOfNodes(t *testing.T) {
	r, dir := newRigOn(testserver.Start(t, "znode.container.checkIntervalMs=20", "znode.container.maxPerMinute=100000"), t, nil), t.TempDir()
	const said = "containers and nodes with a time to live are %s as persistent nodes: servers do not say which these are"
	if err := os.MkdirAll(dir+"/d/c", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"/f": `{"format":"zabra-export-1","root":"/a"}` + "\n" + `{"path":"/","encoding":"null"}` + "\n" + `{"path":"/c","encoding":"null","container":true}` + "\n" +
			`{"path":"/c/t","data":"x","encoding":"utf-8","ttl":1}` + "\n" + `{"end":true,"nodes":3}` + "\n",
		"/d/c/.kind": "container\n", "/bad": `{"format":"zabra-export-1"}` + "\n" + `{"path":"/","encoding":"null","ttl":5,"container":true}`,
	} {
		if err := os.WriteFile(dir+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(dir+"/d/c/t", 0o700), os.WriteFile(dir+"/d/c/t/.kind", []byte("ttl 1"), 0o600)); err != nil {
		t.Fatal(err)
	}
	gone := func(path string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if _, there, err := r.svc.Exists(t.Context(), path); err != nil || !there {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal(path, "stays for ever")
			}
		}
	}
	for _, from := range []string{"f", "d"} {
		if err := r.Run(t.Context(), []string{"import", dir + "/" + from, "/" + from}); err != nil {
			t.Fatal(from, err)
		}
		gone("/" + from + "/c/t") // by the time it had to live
		gone("/" + from + "/c")   // by that
	}
	if said := r.script("create -t 1 /ttl\ncreate -c /container\ncreate /container/child\ndelete /container/child\n"); strings.Count(said, "\n") != 3 {
		t.Error(said)
	}
	gone("/ttl")
	gone("/container")
	var format *FormatError
	if err := r.Run(t.Context(), []string{"import", dir + "/bad", "/bad"}); !errors.As(err, &format) {
		t.Error(err)
	}
	for line, done := range map[string]string{"cp /d /g": "copied", "mv /f /h": "moved", "export /d " + dir + "/e": "exported", "export -dir /d " + dir + "/ed": "exported"} {
		if got := r.script(line + "\n"); !strings.Contains(got, fmt.Sprintf(said, done)) {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// A copy does not become a part of what it copies by way of a connection of its own, also
// where this one sees a part of the service; beside it, or to its own path, it is no matter.
func TestCopyBelowItselfThroughAnotherConnection(t *testing.T) {
	s := testserver.Start(t)
	host := strings.TrimSuffix(s.Addr(), s.Root)
	newRigOn(s, t, nil).script("create /a\ncreate /a/b\ncreate /a/b/c\n")
	for _, root := range []string{"", "/a"} {
		from := strings.TrimPrefix("/a/b", root)
		r := newRigOn(s, t, func(c *Config) {
			c.Servers += root
			c.Dial = func(ctx context.Context, servers string, auth []client.Auth) (Service, error) {
				return client.Open(ctx, strings.ReplaceAll(servers, "any:1", host), client.Options{Auth: auth})
			}
		})
		r.cfg.Patience = time.Minute
		for to, want := range map[string]string{
			"/a/b/c/d": "in the same service",
			"/a/b/x":   "in the same service",
			"/a/b":     "Node already exists",
			"/a/bb":    "2 nodes are copied",
		} {
			if got := r.script("cp " + from + " " + host + s.Root + to + "\n"); !strings.Contains(got, want) {
				t.Errorf("root %q, to %s: %q, want %q", root, to, got, want)
			}
			r.script("deleteall " + strings.TrimPrefix("/a/bb", root) + "\n")
		}
		if got := r.script("ls -R " + from + "\n"); strings.Count(got, "\n") != 2 {
			t.Errorf("root %q: %q", root, got)
		}
	}
}

// A deep tree goes in as many transactions as its paths need.
func TestDeletionOfLongPaths(t *testing.T) {
	r := newRig(t, nil)
	path := ""
	for range 60 {
		path += "/" + strings.Repeat("d", 500)
		if _, err := r.svc.Create(t.Context(), path, nil); err != nil {
			t.Fatal(err)
		}
	}
	for at := 0; at < 60; at += 20 { // 60 of 30 kB
		txn := new(client.Txn)
		for i := range 20 {
			txn.Create(fmt.Sprintf("%s/%d", path, at+i), nil)
		}
		if _, err := r.svc.Commit(t.Context(), txn); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.script("deleteall " + path[:501] + "\n"); got != "" {
		t.Error(got[:min(len(got), 300)])
	}
	if _, there, err := r.svc.Exists(t.Context(), path[:501]); there || err != nil {
		t.Error(there, err)
	}
}
