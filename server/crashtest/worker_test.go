package crashtest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// A node is what a worker knows of one of its nodes.
type node struct {
	data      string
	version   int32
	ephemeral bool
}

// A worker is a client that writes below a directory of its own, so that it
// knows exactly what must be there.
type worker struct {
	t   testing.TB
	rng *rand.Rand
	dir string
	s   session

	nodes   map[string]node   // by name
	queue   map[string]string // sequential nodes: token to name
	changes int32             // creations and deletions below dir/n, which its cversion counts
	tokens  int
	acked   int
	tidy    bool     // whether checking removes sequential nodes, so that it stays quick
	open    *attempt // what was sent and not answered when the connection ended
}

// An attempt is a request under way.
type attempt struct {
	what  string
	apply func(reply string)                     // it has happened; the reply's path, if it has one
	asked func(c *conn) (bool, string, error)    // whether it has happened, and the path
	send  func(c *conn) (path string, err error) // sends it and waits
	want  wire.Code                              // the code of the reply
}

func newWorker(t testing.TB, id int, rng *rand.Rand) *worker {
	return &worker{
		t: t, rng: rng, dir: fmt.Sprintf("/w%d", id), tidy: true, s: session{timeout: patience},
		nodes: map[string]node{}, queue: map[string]string{},
	}
}

// begin makes the worker's directories.
func (w *worker) begin(c *conn) {
	w.t.Helper()
	for _, path := range []string{w.dir, w.dir + "/n", w.dir + "/q"} {
		if _, err := c.create(path, "", wire.ModePersistent); err != nil {
			w.t.Fatal(err)
		}
	}
}

// run writes until the connection ends.
func (w *worker) run(c *conn) {
	for {
		a := w.choose()
		w.open = a
		path, err := a.send(c)
		var code wire.Code
		if err != nil && !errors.As(err, &code) {
			return // it is open whether it has happened
		}
		w.open = nil
		if code != a.want {
			w.t.Errorf("%s: %v, want %v", a.what, code, a.want)
			return
		}
		w.acked++
		if code == wire.OK {
			a.apply(path)
		}
	}
}

// most is how many nodes a worker has at most, about.
const most = 40

func (w *worker) choose() *attempt {
	names := slices.Sorted(maps.Keys(w.nodes))
	if len(names) < 4 {
		return w.create()
	}
	pick := func() string { return names[w.rng.IntN(len(names))] }
	switch n := w.rng.IntN(100); {
	case n < 20 && len(names) < most:
		return w.create()
	case n < 45:
		return w.set(pick())
	case n < 60:
		return w.delete(pick())
	case n < 75:
		return w.multi(names, false)
	case n < 82:
		return w.multi(names, true)
	default:
		return w.sequential()
	}
}

func (w *worker) token() string {
	w.tokens++
	return fmt.Sprintf("%s-%d", w.dir[1:], w.tokens)
}

func (w *worker) path(name string) string { return w.dir + "/n/" + name }

func (w *worker) create() *attempt {
	name := w.token()
	n := node{data: name, ephemeral: w.rng.IntN(3) == 0}
	mode := wire.ModePersistent
	if n.ephemeral {
		mode = wire.ModeEphemeral
	}
	return &attempt{
		what:  "create " + w.path(name),
		send:  func(c *conn) (string, error) { return c.create(w.path(name), n.data, mode) },
		asked: func(c *conn) (bool, string, error) { ok, err := c.exists(w.path(name)); return ok, w.path(name), err },
		apply: func(string) { w.nodes[name] = n; w.changes++ },
	}
}

func (w *worker) set(name string) *attempt {
	n := w.nodes[name]
	data := w.token()
	return &attempt{
		what: "setData " + w.path(name),
		send: func(c *conn) (string, error) {
			return "", c.call(wire.OpSetData, &wire.SetDataRequest{Path: w.path(name), Data: []byte(data), Version: n.version}, nil)
		},
		asked: func(c *conn) (bool, string, error) { got, _, err := c.get(w.path(name)); return got == data, "", err },
		apply: func(string) { n.data, n.version = data, n.version+1; w.nodes[name] = n },
	}
}

func (w *worker) delete(name string) *attempt {
	return &attempt{
		what: "delete " + w.path(name),
		send: func(c *conn) (string, error) {
			return "", c.call(wire.OpDelete, &wire.PathVersionRequest{Path: w.path(name), Version: w.nodes[name].version}, nil)
		},
		asked: func(c *conn) (bool, string, error) { ok, err := c.exists(w.path(name)); return !ok, "", err },
		apply: func(string) { delete(w.nodes, name); w.changes++ },
	}
}

// multi creates a node, sets one, deletes one and checks one; a failing one has
// the wrong version in its check and changes nothing.
func (w *worker) multi(names []string, fails bool) *attempt {
	p := w.rng.Perm(len(names))
	set, gone, checked := names[p[0]], names[p[1]], names[p[2]]
	made, data := w.token(), w.token()
	version := w.nodes[checked].version
	a := &attempt{what: fmt.Sprintf("multi create %s, set %s, delete %s, check %s", made, set, gone, checked)}
	if fails {
		version++
		a.what += ", which fails"
		a.want = wire.BadVersion
	}
	ops := []wire.MultiOp{
		{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: w.path(made), Data: []byte(made), ACL: wire.WorldAnyone(wire.PermAll)}},
		{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: w.path(set), Data: []byte(data), Version: w.nodes[set].version}},
		{Op: wire.OpDelete, Body: &wire.PathVersionRequest{Path: w.path(gone), Version: -1}},
		{Op: wire.OpCheck, Body: &wire.PathVersionRequest{Path: w.path(checked), Version: version}},
	}
	a.send = func(c *conn) (string, error) { return "", sendMulti(c, ops) }
	a.asked = func(c *conn) (bool, string, error) { ok, err := c.exists(w.path(made)); return ok, "", err }
	a.apply = func(string) {
		w.nodes[made] = node{data: made}
		n := w.nodes[set]
		w.nodes[set] = node{data, n.version + 1, n.ephemeral}
		delete(w.nodes, gone)
		w.changes += 2
	}
	return a
}

// sendMulti returns the code of the operation that failed.
func sendMulti(c *conn, ops []wire.MultiOp) error {
	if err := c.send(wire.OpMulti, func(b []byte) []byte { return wire.AppendMulti(b, ops) }); err != nil {
		return err
	}
	_, d, err := c.recv()
	if err != nil {
		return err
	}
	for range ops {
		var h wire.MultiHeader
		h.DecodeFrom(d)
		if d.Err() != nil {
			return d.Err()
		}
		if h.Op != wire.OpError {
			return nil // the first result tells that all succeeded
		}
		if code := wire.Code(d.Int()); code != wire.OK {
			return code
		}
	}
	return errors.New("a multi without any result that says more than OK")
}

func (w *worker) sequential() *attempt {
	token := w.token()
	return &attempt{
		what: "create sequential " + token,
		send: func(c *conn) (string, error) {
			return c.create(w.dir+"/q/s-", token, wire.ModePersistentSequential)
		},
		asked: func(c *conn) (bool, string, error) {
			found, err := w.queued(c)
			return found[token] != "", found[token], err
		},
		apply: func(path string) { w.queue[token] = path },
	}
}

// queued reads the sequential nodes: name by token. Two nodes of one token are an
// error.
func (w *worker) queued(c *conn) (map[string]string, error) {
	names, _, err := c.children(w.dir + "/q")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, name := range names {
		path := w.dir + "/q/" + name
		token, _, err := c.get(path)
		if err != nil {
			return nil, err
		}
		if found[token] != "" {
			return nil, fmt.Errorf("%s and %s are one request", path, found[token])
		}
		found[token] = path
	}
	return found, nil
}

// settle finds out whether what had no answer has happened.
func (w *worker) settle(c *conn) {
	w.t.Helper()
	a := w.open
	w.open = nil
	if a == nil {
		return
	}
	happened, path, err := a.asked(c)
	if err != nil {
		w.t.Fatalf("was it done: %s: %v", a.what, err)
	}
	if happened && a.want != wire.OK {
		w.t.Fatalf("%s: it has happened", a.what)
	}
	if happened {
		a.apply(path)
	}
}

// check compares everything below the worker's directory with what it knows.
func (w *worker) check(c *conn) {
	w.t.Helper()
	names, stat, err := c.children(w.dir + "/n")
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(names)
	if want := slices.Sorted(maps.Keys(w.nodes)); !slices.Equal(names, want) {
		w.t.Errorf("%s/n: children %v\nwant %v", w.dir, names, want)
	}
	if stat.Cversion != w.changes {
		w.t.Errorf("%s/n: %d creations and deletions, want %d", w.dir, stat.Cversion, w.changes)
	}
	for name, n := range w.nodes {
		data, stat, err := c.get(w.path(name))
		owner := wire.SessionID(0)
		if n.ephemeral {
			owner = c.id
		}
		if err != nil || data != n.data || stat.Version != n.version || stat.EphemeralOwner != int64(owner) {
			w.t.Errorf("%s: %q version %d owner %#x, %v; want %+v of %v", w.path(name), data, stat.Version, stat.EphemeralOwner, err, n, owner)
		}
	}
	w.checkQueue(c)
}

func (w *worker) checkQueue(c *conn) {
	w.t.Helper()
	found, err := w.queued(c)
	if err != nil {
		w.t.Fatal(err)
	}
	if !maps.Equal(found, w.queue) {
		w.t.Errorf("%s/q: %v\nwant %v", w.dir, found, w.queue)
	}
	if len(w.queue) < 50 || !w.tidy {
		return
	}
	for token, path := range w.queue {
		if err := c.call(wire.OpDelete, &wire.PathVersionRequest{Path: path, Version: -1}, nil); err != nil {
			w.t.Fatal(err)
		}
		delete(w.queue, token)
	}
}

// A mortal is a session that ends: by itself, or because nobody comes back.
type mortal struct {
	s     session
	paths []string
	end   ending
	since time.Time
}

type ending int

const (
	left    ending = iota // its connection is lost for good
	closed                // its close was acknowledged
	closing               // its close had no answer
)

// newMortal opens a session with two ephemeral nodes.
func newMortal(d *daemon, end ending, number int) (*mortal, *conn, error) {
	m := &mortal{s: session{timeout: mortalTimeout}, end: end, since: time.Now()}
	c, err := d.attach(&m.s)
	if err != nil {
		return nil, nil, err
	}
	for i := range 2 {
		path, err := c.create(fmt.Sprintf("/mortals/%d-%d", number, i), "", wire.ModeEphemeral)
		if err != nil {
			return nil, nil, err
		}
		m.paths = append(m.paths, path)
	}
	return m, c, nil
}

const mortalTimeout = 4 * time.Second

// alive counts the nodes that are there.
func (m *mortal) alive(c *conn) (n int, err error) {
	for _, path := range m.paths {
		ok, err := c.exists(path)
		if err != nil {
			return n, err
		}
		if ok {
			n++
		}
	}
	return n, nil
}

func (m *mortal) String() string { return strings.Join(m.paths, " ") }
