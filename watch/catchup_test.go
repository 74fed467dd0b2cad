package watch

import (
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/zabra/zabra/wire"
)

func unsafeString(b []byte) string { return unsafe.String(&b[0], len(b)) }

type fakeTree map[string][2]wire.Zxid

func (f fakeTree) Zxids(path string) (mzxid, pzxid wire.Zxid, ok bool) {
	z, ok := f[path]
	return z[0], z[1], ok
}

func runCatchUp(r *wire.SetWatches2Request, tree TreeView) (lines []string, code wire.Code) {
	code = CatchUp(r, tree,
		func(ev wire.EventType, path string) { lines = append(lines, fmt.Sprintf("%v %s", ev, path)) },
		func(path string, m Mode) { lines = append(lines, fmt.Sprintf("arm %d %s", m, path)) })
	return lines, code
}

// The first case is the probe of the client reference, appendix A.
func TestCatchUp(t *testing.T) {
	tree := fakeTree{"/sw": {10, 20}}
	none := []string{}
	for _, c := range []struct {
		name string
		req  wire.SetWatches2Request
		want []string
	}{
		{"old client", wire.SetWatches2Request{
			RelativeZxid: 1, Data: []string{"/sw", "/none"}, Exist: []string{"/sw", "/none"}, Child: []string{"/sw", "/none"},
			Persistent: none, PersistentRecursive: none,
		}, []string{
			"NodeDataChanged /sw", "NodeDeleted /none", "NodeCreated /sw", "arm 1 /none", "NodeChildrenChanged /sw", "NodeDeleted /none",
		}},
		{"has seen the data", wire.SetWatches2Request{
			RelativeZxid: 10, Data: []string{"/sw"}, Exist: none, Child: []string{"/sw"}, Persistent: none, PersistentRecursive: none,
		}, []string{"arm 1 /sw", "NodeChildrenChanged /sw"}},
		{"has seen all", wire.SetWatches2Request{
			RelativeZxid: 20, Data: []string{"/sw"}, Exist: none, Child: []string{"/sw"}, Persistent: none, PersistentRecursive: none,
		}, []string{"arm 1 /sw", "arm 2 /sw"}},
		{"persistent ones miss what happened", wire.SetWatches2Request{
			Data: none, Exist: none, Child: none, Persistent: []string{"/sw", "/none"}, PersistentRecursive: []string{"/"},
		}, []string{"arm 4 /sw", "arm 4 /none", "arm 8 /"}},
	} {
		if got, code := runCatchUp(&c.req, tree); !slices.Equal(got, c.want) || code != wire.OK {
			t.Errorf("%s: %v\n%q, want\n%q", c.name, code, got, c.want)
		}
	}
}

func TestCatchUpRefusesNullLists(t *testing.T) {
	full := func() wire.SetWatches2Request {
		r := wire.SetWatchesRequest{Data: []string{"/a"}, Exist: []string{}, Child: []string{}}
		return Upgrade(&r)
	}
	ok := full()
	if lines, code := runCatchUp(&ok, fakeTree{}); code != wire.OK || len(lines) != 1 {
		t.Fatalf("a complete request: %v, %q", code, lines)
	}
	for i := range 5 {
		r := full()
		*[]*[]string{&r.Data, &r.Exist, &r.Child, &r.Persistent, &r.PersistentRecursive}[i] = nil
		if lines, code := runCatchUp(&r, fakeTree{}); code != wire.MarshallingError || len(lines) > 0 {
			t.Errorf("list %d null: %v, %q", i, code, lines)
		}
	}
}

func TestModeOf(t *testing.T) {
	for wireMode, want := range map[wire.AddWatchMode]Mode{0: Persistent, 1: Recursive, 5: 0, -1: 0} {
		if got, ok := ModeOf(wireMode); got != want || ok != (want != 0) {
			t.Errorf("ModeOf(%d) = %v, %v", wireMode, got, ok)
		}
	}
}
