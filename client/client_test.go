package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
)

func TestNodes(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	var st client.Stat
	if p := must(c.Create(ctx, "/a", []byte("x"), client.StatTo(&st)))(t); p != "/a" || st.DataLength != 1 {
		t.Errorf("%q, %+v", p, st)
	}
	data, st, err := c.Get(ctx, "/a")
	if err != nil || string(data) != "x" || st.Version != 0 {
		t.Errorf("%q %+v %v", data, st, err)
	}
	if st, err = c.Set(ctx, "/a", []byte("y"), 0); err != nil || st.Version != 1 {
		t.Errorf("%+v %v", st, err)
	}
	if _, err = c.Set(ctx, "/a", nil, 0); !errors.Is(err, client.ErrBadVersion) {
		t.Error(err)
	}
	for _, name := range []string{"b", "c"} {
		must(c.Create(ctx, "/a/"+name, nil))(t)
	}
	names, _, err := c.Children(ctx, "/a")
	if slices.Sort(names); err != nil || !slices.Equal(names, []string{"b", "c"}) {
		t.Errorf("%v %v", names, err)
	}
	if n := must(c.Count(ctx, "/a"))(t); n != 2 {
		t.Error(n)
	}
	if err := c.Delete(ctx, "/a", client.AnyVersion); !errors.Is(err, client.ErrNotEmpty) {
		t.Error(err)
	}
	if _, ok, err := c.Exists(ctx, "/nothing"); ok || err != nil {
		t.Error(ok, err)
	}
	if _, ok, err := c.Exists(ctx, "/a"); !ok || err != nil {
		t.Error(ok, err)
	}
	if err := c.RemoveAll(ctx, "/a"); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Get(ctx, "/a"); !errors.Is(err, client.ErrNoNode) {
		t.Error(err)
	}
}

func TestErrorsSayWhatAndWhere(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{})
	below := ""
	if r.Root != "" {
		below = " below " + r.Root
	}
	_, _, err := c.Get(ctx, "/a/b")
	if err == nil || err.Error() != "getData /a/b"+below+": there is no such node" {
		t.Error(err)
	}
	if _, _, err := c.Get(ctx, "a\x1b[2J"); err == nil || !strings.Contains(err.Error(), `getData "a\x1b[2J": this is no path`) {
		t.Error(err)
	}
	_, err = c.Create(ctx, "a", nil)
	if !errors.Is(err, client.ErrBadArguments) || !strings.Contains(err.Error(), "create2 a: this is no path") {
		t.Error(err)
	}
	_, err = c.Commit(ctx, new(client.Txn).Create("/a", nil).Delete("/b", client.AnyVersion))
	var failed *client.TxnError
	if !errors.As(err, &failed) || failed.Index != 1 || !errors.Is(err, client.ErrNoNode) || !strings.Contains(err.Error(), "multi /b"+below+": operation 1") {
		t.Error(err)
	}
}

func TestKindsOfNodes(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{})
	first := must(c.Create(ctx, "/n-", nil, client.Sequential))(t)
	second := must(c.Create(ctx, "/", nil, client.Sequential, client.Ephemeral))(t)
	if first != "/n-0000000000" || second != "/0000000001" {
		t.Error(first, second)
	}
	var st client.Stat
	must(c.Create(ctx, "/e", nil, client.Ephemeral, client.StatTo(&st)))(t)
	if client.SessionID(st.EphemeralOwner) != c.Session().ID {
		t.Errorf("%+v", st)
	}
	if list := must(c.Ephemerals(ctx, "/"))(t); len(list) != 2 {
		t.Error(list)
	}
	must(c.Create(ctx, "/c", nil, client.Container))(t)
	must(c.Create(ctx, "/t", nil, client.TTL(time.Hour)))(t)
	must(c.Create(ctx, "/acl", nil, client.WithACL(client.World(client.PermRead)...)))(t)
	if _, err := c.Set(ctx, "/acl", nil, client.AnyVersion); !errors.Is(err, client.ErrNoAuth) {
		t.Error(err)
	}
	acl, _, err := c.GetACL(ctx, "/acl")
	if err != nil || len(acl) != 1 || acl[0].Perms != client.PermRead {
		t.Error(acl, err)
	}
	other := r.open(client.Options{})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, ok, _ := other.Exists(ctx, "/e"); ok {
		t.Error("an ephemeral node is there after its session's end")
	}
	if _, _, err := c.Get(ctx, "/"); !errors.Is(err, client.ErrClosed) {
		t.Error(err)
	}
}

func TestTxnAndReads(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	res, err := c.Commit(ctx, new(client.Txn).Create("/a", []byte("1")).Create("/a/s-", nil, client.Sequential).
		Set("/a", []byte("2"), 0).Check("/a", 1).Create("/b", nil).Delete("/b", 0))
	if err != nil || len(res) != 6 || res[1].Path != "/a/s-0000000000" || res[2].Stat.Version != 1 {
		t.Fatalf("%+v %v", res, err)
	}
	res, err = c.Read(ctx, new(client.Reads).Get("/a").Children("/a").Get("/nothing"))
	if err != nil || string(res[0].Data) != "2" || len(res[1].Children) != 1 || !errors.Is(res[2].Err, client.ErrNoNode) {
		t.Fatalf("%+v %v", res, err)
	}
}

func TestRootBelowAPath(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	if err := r.open(client.Options{}).MakePath(ctx, "/app/one"); err != nil {
		t.Fatal(err)
	}
	c := r.openAt("/app/one", client.Options{})
	if p := must(c.Create(ctx, "/x", nil))(t); p != "/x" {
		t.Error(p)
	}
	if p := must(c.Create(ctx, "/", nil, client.Sequential))(t); p != "/0000000001" {
		t.Error(p)
	}
	_, _, w, err := c.ChildrenW(ctx, "/")
	if err != nil {
		t.Fatal(err)
	}
	must(c.Create(ctx, "/y", nil))(t)
	if e := next(t, w); e.Path != "/" || e.Type != client.EventChildrenChanged {
		t.Error(e)
	}
	if _, ok, _ := r.open(client.Options{}).Exists(ctx, "/app/one/x"); !ok {
		t.Error("it is not below the root")
	}
}

// A root that is not there, as of a wrong connect string, is not made, and errors name it.
func TestRootThatIsNotThere(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c := r.openAt("/missing/root", client.Options{})
	_, err := c.Create(ctx, "/x", nil)
	for _, err := range []error{err, c.MakePath(ctx, "/a/b"), c.MakePath(ctx, "/")} {
		if !errors.Is(err, client.ErrNoNode) || !strings.Contains(err.Error(), "/missing/root: there is no such node") {
			t.Error(err)
		}
	}
	if _, there, err := r.open(client.Options{}).Exists(ctx, "/missing"); there || err != nil {
		t.Error(there, err)
	}
}

// A request that servers do not take harms nobody else on the connection.
func TestRequestThatIsTooLarge(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	states := c.States(ctx)
	await(t, states, client.Connected)
	_, err := c.Create(ctx, "/large", make([]byte, 1<<20))
	var size *client.SizeError
	if !errors.As(err, &size) || !errors.Is(err, client.ErrTooLarge) || size.Bytes <= 1<<20 || size.Most != 1<<20-1 {
		t.Error(err)
	}
	if _, err := c.Async().Create(ctx, "/large", make([]byte, 1<<20), nil).Wait(ctx); !errors.Is(err, client.ErrTooLarge) {
		t.Error(err)
	}
	must(c.Create(ctx, "/large", make([]byte, 1<<20-200)))(t)
	select {
	case ch := <-states:
		t.Error("the connection was lost: ", ch)
	default:
	}
}

func TestWalk(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	want := []string{"/t"}
	must(c.Create(ctx, "/t", nil))(t)
	for i := range 10 {
		p := fmt.Sprintf("/t/%d", i)
		must(c.Create(ctx, p, []byte(p)))(t)
		want = append(want, p)
		for j := range 10 {
			q := fmt.Sprintf("%s/%d", p, j)
			must(c.Create(ctx, q, nil))(t)
			want = append(want, q)
		}
	}
	var got []string
	for v, err := range c.Walk(ctx, "/t") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(v.Path, "/") == 2 && string(v.Bytes) != v.Path {
			t.Errorf("%s: %q", v.Path, v.Bytes)
		}
		got = append(got, v.Path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for v := range c.Walk(ctx, "/t") {
		if v.Path == "/t/0" {
			break
		}
	}
	for v, err := range c.Walk(ctx, "/none") {
		if !errors.Is(err, client.ErrNoNode) || v.Path != "" {
			t.Error(v, err)
		}
	}
}

// EachChild has every name once, ends where its caller does, and says why it cannot go on.
func TestEachChild(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	must(c.Create(ctx, "/t", nil))(t)
	var want, got []string
	for i := 0; i < 3000; {
		txn := new(client.Txn)
		for ; txn.Len() < 500; i++ {
			want = append(want, fmt.Sprintf("%04d", i))
			txn.Create("/t/"+want[i], nil)
		}
		must(c.Commit(ctx, txn))(t)
	}
	for name, err := range c.EachChild(ctx, "/t") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%d names", len(got))
	}
	n := 0
	for range c.EachChild(ctx, "/t") {
		if n++; n == 3 {
			break
		}
	}
	for _, path := range []string{"/none", "none"} {
		var errs []error
		for name, err := range c.EachChild(ctx, path) {
			if name != "" {
				t.Error(name)
			}
			errs = append(errs, err)
		}
		if len(errs) != 1 || !errors.Is(errs[0], client.ErrNoNode) && !errors.Is(errs[0], client.ErrBadArguments) {
			t.Errorf("%s: %v", path, errs)
		}
	}
}

// Nodes without an ACL of their own have the Client's.
func TestACLOfTheClient(t *testing.T) {
	ctx, r := t.Context(), newRig(t)
	c := r.open(client.Options{ACL: client.World(client.PermRead | client.PermCreate | client.PermAdmin)})
	must(c.Create(ctx, "/a", nil))(t)
	must(c.Create(ctx, "/own", nil, client.WithACL(client.World(client.PermAll)...)))(t)
	must(c.Commit(ctx, new(client.Txn).Create("/a/b", nil).Create("/a/c", nil, client.Container)))(t)
	must(c.Async().Create(ctx, "/a/d", nil, nil).Wait(ctx))(t)
	if err := c.MakePath(ctx, "/a/e/f"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/a", "/a/b", "/a/c", "/a/d", "/a/e", "/a/e/f"} {
		if acl, _, err := c.GetACL(ctx, path); err != nil || len(acl) != 1 || acl[0].Perms != client.PermRead|client.PermCreate|client.PermAdmin {
			t.Error(path, acl, err)
		}
	}
	if acl, _, err := c.GetACL(ctx, "/own"); err != nil || acl[0].Perms != client.PermAll {
		t.Error(acl, err)
	}
	st := must(c.SetACL(ctx, "/a", client.World(client.PermAll), 0))(t)
	if _, err := c.SetACL(ctx, "/a", client.World(client.PermRead), 0); !errors.Is(err, client.ErrBadVersion) || st.Aversion != 1 {
		t.Error(st, err)
	}
}

// A transaction makes all kinds of nodes, and tells their Stat.
func TestKindsOfNodesInATxn(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	var st [4]client.Stat
	res := must(c.Commit(ctx, new(client.Txn).
		Create("/e", []byte("x"), client.Ephemeral, client.StatTo(&st[0])).
		Create("/c", nil, client.Container, client.StatTo(&st[1])).
		Create("/t", nil, client.TTL(time.Hour), client.StatTo(&st[2])).
		Create("/s-", nil, client.Sequential, client.TTL(time.Hour), client.StatTo(&st[3]))))(t)
	for i, want := range []string{"/e", "/c", "/t", "/s-0000000003"} {
		if res[i].Path != want || st[i].Czxid == 0 || st[i] != res[i].Stat {
			t.Errorf("%d: %+v %+v", i, res[i], st[i])
		}
	}
	if client.SessionID(st[0].EphemeralOwner) != c.Session().ID || st[0].DataLength != 1 {
		t.Errorf("%+v", st[0])
	}
	_, err := c.Commit(ctx, new(client.Txn).Set("/e", []byte("y"), client.AnyVersion).Check("/c", 7).Create("/never", nil))
	if _, there, lookErr := c.Exists(ctx, "/never"); !errors.Is(err, client.ErrBadVersion) || there || lookErr != nil {
		t.Error(err, there, lookErr)
	}
	if data, _, err := c.Get(ctx, "/e"); string(data) != "x" || err != nil {
		t.Errorf("%q %v: a part of it was made", data, err)
	}
}

func TestAsync(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	must(c.Create(ctx, "/a", nil))(t)
	var order []int32
	var last *client.Future[client.Stat]
	for range 1000 {
		last = c.Async().Set(ctx, "/a", nil, client.AnyVersion, func(st client.Stat, err error) { order = append(order, st.Version) })
	}
	if st, err := last.Wait(ctx); err != nil || st.Version != 1000 {
		t.Fatal(st, err)
	}
	if !slices.IsSorted(order) || len(order) != 1000 {
		t.Error(order)
	}
	if p, err := c.Async().Exists(ctx, "/b", nil).Wait(ctx); p.Exists || err != nil {
		t.Error(p, err)
	}
	if _, err := c.Async().Get(ctx, "bad", nil).Wait(ctx); !errors.Is(err, client.ErrBadArguments) {
		t.Error(err)
	}
}

// Each call has its like that does not wait, by a Future or a callback, in one order.
func TestAsyncCalls(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{})
	a := c.Async()
	var told []string
	made := a.Create(ctx, "/a-", []byte("x"), func(path string, err error) { told = append(told, path) }, client.Sequential, client.Ephemeral)
	path := must(made.Wait(ctx))(t)
	data := a.Get(ctx, path, func(d client.Data, err error) { told = append(told, string(d.Bytes)) })
	list := a.Children(ctx, "/", nil)
	there := a.Exists(ctx, path, nil)
	gone := a.Delete(ctx, path, client.AnyVersion, func(struct{}, error) { told = append(told, "deleted") })
	again := a.Delete(ctx, path, client.AnyVersion, func(_ struct{}, err error) { told = append(told, err.Error()) })
	synced := a.Sync(ctx, "/", nil)
	<-synced.Done()
	must(synced.Wait(ctx))(t)
	if d := must(data.Wait(ctx))(t); string(d.Bytes) != "x" || client.SessionID(d.Stat.EphemeralOwner) != c.Session().ID {
		t.Errorf("%+v", d)
	}
	if l := must(list.Wait(ctx))(t); !slices.Contains(l.Names, path[1:]) {
		t.Error(l)
	}
	if p := must(there.Wait(ctx))(t); !p.Exists {
		t.Error(p)
	}
	must(gone.Wait(ctx))(t)
	if _, err := again.Wait(ctx); !errors.Is(err, client.ErrNoNode) {
		t.Error(err)
	}
	if len(told) != 4 || told[0] != path || told[1] != "x" || told[2] != "deleted" || !strings.Contains(told[3], "there is no such node") {
		t.Errorf("%q", told)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	f := a.Set(ctx, "/none", nil, client.AnyVersion, nil)
	if _, err := f.Wait(over); !errors.Is(err, context.Canceled) && !errors.Is(err, client.ErrNoNode) { // both may be so
		t.Error(err)
	}
	if _, err := f.Wait(ctx); !errors.Is(err, client.ErrNoNode) {
		t.Error(err)
	}
}

func TestManyGoroutines(t *testing.T) {
	ctx := t.Context()
	c := newRig(t).open(client.Options{MaxCalls: 50})
	must(c.Create(ctx, "/a", nil))(t)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			for range 20 {
				if _, err := c.Set(ctx, "/a", []byte("x"), client.AnyVersion); err != nil {
					t.Error(err)
				}
				if _, _, err := c.Get(ctx, "/a"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, st, _ := c.Get(ctx, "/a"); st.Version != 4000 {
		t.Error(st.Version)
	}
}

func TestContextEndsACall(t *testing.T) {
	r := newRig(t)
	c := r.open(client.Options{})
	r.Cut(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.Get(ctx, "/"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	r.Unblock()
	if _, _, err := c.Get(t.Context(), "/"); err != nil {
		t.Error(err)
	}
}

func TestCallsWithoutAServerEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.open(client.Options{SessionTimeout: brief})
	r.Cut(true)
	if _, _, err := c.Get(t.Context(), "/"); !errors.Is(err, client.ErrNoConnection) && !errors.Is(err, client.ErrSessionExpired) {
		t.Error(err)
	}
}

func TestOpenTellsWhyThereIsNoConnection(t *testing.T) {
	ctx, giveUp := context.WithCancelCause(t.Context())
	defer giveUp(nil)
	tries := 0
	_, err := client.Open(ctx, "127.0.0.1:1", client.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if tries++; tries > 1 { // what became of the first one is known
			giveUp(context.DeadlineExceeded)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Error(err)
	}
	if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	for _, bad := range []string{"", "a:b", "a:0", "[::1]:x", "a:1/x/", "zk://a:1"} {
		if _, err := client.Open(ctx, bad, client.Options{}); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	r.open(client.Options{}).Close()
	before := runtime.NumGoroutine()
	for range 20 {
		c := r.open(client.Options{MaxQueuedEvents: 1000})
		states := c.States(ctx)
		w := must(c.AddWatch(ctx, "/", true))(t)
		for range 100 {
			must(c.Create(ctx, "/x-", nil, client.Sequential))(t) // events nobody reads
		}
		_ = w
		_ = states
		c.Close()
	}
	deadline := time.Now().Add(time.Minute)
	for runtime.NumGoroutine() > before+2 {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A path that is there is made by those, too, who may not make nodes above it.
func TestPathThatIsThere(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	admin := r.open(client.Options{Auth: []client.Auth{{Scheme: "digest", Data: []byte("ann:secret")}}})
	c := r.open(client.Options{})
	must(admin.Create(ctx, "/a", nil))(t)
	must(admin.Create(ctx, "/a/b", nil))(t)
	must(admin.SetACL(ctx, "/a", append(client.Creator(client.PermAll), client.World(client.PermRead)...), client.AnyVersion))(t)
	for path, want := range map[string]error{"/a/b": nil, "/a/b/c/d": nil, "/a/x": client.ErrNoAuth} {
		if err := c.MakePath(ctx, path); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	must(admin.SetACL(ctx, "/a", client.World(client.PermAll), client.AnyVersion))(t)
}
