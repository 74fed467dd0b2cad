package watch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/zabra/zabra/wire"
)

// twin is the manager done the slow way: one list, scanned from end to end. It is
// written from client reference 5, table by table, without the shortcuts of the
// real one.
type twin struct{ list []twinWatch }

type twinMode uint8

const (
	standard twinMode = iota
	persistent
	recursive
)

type twinWatch struct {
	path    string
	watcher WatcherID
	child   bool // in the child table
	mode    twinMode
}

// set adds one mode to one table.
func (tw *twin) set(path string, w WatcherID, child bool, mode twinMode) {
	v := twinWatch{path, w, child, mode}
	if !slices.Contains(tw.list, v) {
		tw.list = append(tw.list, v)
	}
}

func (tw *twin) add(path string, w WatcherID, m Mode) {
	if m&Data != 0 {
		tw.set(path, w, false, standard)
	}
	if m&Child != 0 {
		tw.set(path, w, true, standard)
	}
	if m&Persistent != 0 {
		tw.set(path, w, false, persistent)
		tw.set(path, w, true, persistent)
	}
	if m&Recursive != 0 {
		tw.set(path, w, false, recursive)
	}
}

// isAncestor takes the empty path for nobody's ancestor: no node has it.
func isAncestor(a, path string) bool {
	return a != "" && a != path && (a == "/" && strings.HasPrefix(path, "/") || strings.HasPrefix(path, a+"/"))
}

// trigger notifies one table and skips those in told.
func (tw *twin) trigger(path string, child bool, told []WatcherID) []WatcherID {
	var names []WatcherID
	for _, v := range tw.list {
		hit := v.child == child && (v.path == path || v.mode == recursive && isAncestor(v.path, path))
		if hit && !slices.Contains(names, v.watcher) {
			names = append(names, v.watcher)
		}
	}
	tw.list = slices.DeleteFunc(tw.list, func(v twinWatch) bool {
		return v.child == child && v.path == path && v.mode == standard
	})
	for _, w := range names {
		if !slices.Contains(told, w) {
			told = append(told, w)
		}
	}
	return told
}

// event returns the watchers told, ascending.
func (tw *twin) event(ev wire.EventType, path string) []WatcherID {
	var told []WatcherID
	switch ev {
	case wire.EventNodeCreated, wire.EventNodeDataChanged:
		told = tw.trigger(path, false, nil)
	case wire.EventNodeDeleted:
		told = tw.trigger(path, true, tw.trigger(path, false, nil))
	case wire.EventNodeChildrenChanged:
		told = tw.trigger(path, true, nil)
	}
	slices.Sort(told)
	return told
}

func (v twinWatch) isOf(t Type) bool {
	switch t {
	case TypeChildren:
		return v.child && v.mode == standard
	case TypeData:
		return !v.child && v.mode == standard
	case TypePersistent:
		return v.mode == persistent
	case TypeRecursive:
		return v.mode == recursive
	}
	return true
}

func (tw *twin) match(path string, w WatcherID, t Type) (func(twinWatch) bool, wire.Code) {
	if t < 1 || t > 5 {
		return nil, wire.MarshallingError
	}
	hit := func(v twinWatch) bool { return v.path == path && v.watcher == w && v.isOf(t) }
	if !slices.ContainsFunc(tw.list, hit) {
		return nil, wire.NoWatcher
	}
	return hit, wire.OK
}

func (tw *twin) check(path string, w WatcherID, t Type) wire.Code {
	_, code := tw.match(path, w, t)
	return code
}

func (tw *twin) remove(path string, w WatcherID, t Type) wire.Code {
	hit, code := tw.match(path, w, t)
	if code == wire.OK {
		tw.list = slices.DeleteFunc(tw.list, hit)
	}
	return code
}

func (tw *twin) removeWatcher(w WatcherID) {
	tw.list = slices.DeleteFunc(tw.list, func(v twinWatch) bool { return v.watcher == w })
}

type pair struct {
	path    string
	watcher WatcherID
}

// pairs are the entries of a table, by path and watcher.
func (tw *twin) pairs(child bool) []pair {
	var all []pair
	for _, v := range tw.list {
		if v.child == child {
			all = append(all, pair{v.path, v.watcher})
		}
	}
	slices.SortFunc(all, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.watcher, b.watcher))
	})
	return slices.Compact(all)
}
