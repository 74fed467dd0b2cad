package watch

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
	"pgregory.net/rapid"
)

// somePaths are near each other, and some are no paths at all: addWatch does not
// look.
var somePaths = []string{
	"/", "/a", "/a/b", "/a/b/c", "/a/bc", "/ab", "/a/b/c/d/e", "/long-name-of-a-node/with-a-child-of-its-own",
	"", "a", "/a/", "//", "/a//b",
}

var allEvents = []wire.EventType{
	wire.EventNodeCreated, wire.EventNodeDeleted, wire.EventNodeDataChanged, wire.EventNodeChildrenChanged,
}

func TestManagerAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New(rapid.SampledFrom([]int{1, 4, 16}).Draw(t, "shards"), rapid.Uint64().Draw(t, "seed"))
		tw := &twin{}
		paths := rapid.SampledFrom(somePaths)
		watchers := rapid.Custom(func(t *rapid.T) WatcherID { return WatcherID(rapid.IntRange(0, 7).Draw(t, "w")) })
		types := rapid.Custom(func(t *rapid.T) Type { return Type(rapid.IntRange(0, 6).Draw(t, "type")) })
		modes := rapid.Custom(func(t *rapid.T) Mode { return Mode(rapid.IntRange(0, 15).Draw(t, "modes")) })
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				p, w, mode := paths.Draw(t, "path"), watchers.Draw(t, "watcher"), modes.Draw(t, "mode")
				m.Add(p, w, mode)
				tw.add(p, w, mode)
			},
			"trigger": func(t *rapid.T) {
				p, ev := paths.Draw(t, "path"), rapid.SampledFrom(allEvents).Draw(t, "event")
				got := m.Trigger(ev, p, nil)
				slices.Sort(got)
				if want := tw.event(ev, p); !slices.Equal(got, want) {
					t.Fatalf("%v(%q) tells %v, want %v", ev, p, got, want)
				}
			},
			"check": func(t *rapid.T) {
				p, w, typ := paths.Draw(t, "path"), watchers.Draw(t, "watcher"), types.Draw(t, "type")
				if got, want := m.Check(p, w, typ), tw.check(p, w, typ); got != want {
					t.Fatalf("Check(%q, %d, %d) = %v, want %v", p, w, typ, got, want)
				}
			},
			"remove": func(t *rapid.T) {
				p, w, typ := paths.Draw(t, "path"), watchers.Draw(t, "watcher"), types.Draw(t, "type")
				if got, want := m.Remove(p, w, typ), tw.remove(p, w, typ); got != want {
					t.Fatalf("Remove(%q, %d, %d) = %v, want %v", p, w, typ, got, want)
				}
			},
			"leave": func(t *rapid.T) {
				w := watchers.Draw(t, "watcher")
				m.RemoveWatcher(w)
				tw.removeWatcher(w)
			},
			"rebuild": func(*rapid.T) { m.rebuildAll() },
			"":        func(t *rapid.T) { compare(t, m, tw) },
		})
	})
}

func (m *Manager) rebuildAll() {
	for i, s := range m.shards {
		if i%2 == 0 {
			s.rebuild()
		} else {
			s.compactText()
		}
	}
}

type fataler interface{ Fatalf(string, ...any) }

// compare holds every listing and count against the twin's.
func compare(t fataler, m *Manager, tw *twin) {
	data, child := tw.pairs(false), tw.pairs(true)
	if got, want := m.Counts(), (Counts{len(data), len(child)}); got != want {
		t.Fatalf("counts %+v, want %+v", got, want)
	}
	var byPath, byWatcher []pair
	paths, watchers := 0, 0
	for p, ws := range m.ByPath() {
		paths++
		for _, w := range ws {
			byPath = append(byPath, pair{p, w})
		}
	}
	for w, ps := range m.ByWatcher() {
		watchers++
		for _, p := range ps {
			byWatcher = append(byWatcher, pair{p, w})
		}
	}
	if !slices.Equal(byPath, data) {
		t.Fatalf("by path %v, want %v", byPath, data)
	}
	slices.SortFunc(data, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.watcher, b.watcher), cmp.Compare(a.path, b.path))
	})
	if !slices.Equal(byWatcher, data) {
		t.Fatalf("by watcher %v, want %v", byWatcher, data)
	}
	if got, want := m.Summary(), (Summary{watchers, paths, len(data)}); got != want {
		t.Fatalf("summary %+v, want %+v", got, want)
	}
	if len(tw.list) == 0 {
		checkEmpty(t, m)
	}
}

// checkEmpty makes sure that nothing is left behind by what was removed.
func checkEmpty(t fataler, m *Manager) {
	for i, s := range m.shards {
		if s.byText.used != 0 || s.byPair.used != 0 || len(s.owners) != 0 || s.counts != (counts{}) || s.dead != len(s.text) {
			t.Fatalf("shard %d is not empty: %d paths, %d entries, %d watchers, counts %+v, %d of %d bytes dead",
				i, s.byText.used, s.byPair.used, len(s.owners), s.counts, s.dead, len(s.text))
		}
		for _, cells := range [][]uint32{s.byText.cells, s.byPair.cells} {
			for _, v := range cells {
				if v != 0 {
					t.Fatalf("shard %d: an index cell survived", i)
				}
			}
		}
	}
}

// TestLargeShardAgainstTwin grows and shrinks one shard far enough that its
// tables are enlarged and rebuilt many times.
func TestLargeShardAgainstTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	m, tw := New(1, 1), &twin{}
	path := func() string { return fmt.Sprintf("/service/%d/instance-%d", r.IntN(40), r.IntN(40)) }
	for round := range 6 {
		for range 1500 {
			p, w, mode := path(), WatcherID(r.IntN(50)), Mode(1<<r.IntN(4))
			m.Add(p, w, mode)
			tw.add(p, w, mode)
		}
		compare(t, m, tw)
		for w := WatcherID(round % 3); w < 50; w += 2 {
			m.RemoveWatcherFrom(0, w)
			tw.removeWatcher(w)
		}
		for range 400 {
			ev, p := allEvents[r.IntN(len(allEvents))], path()
			got := m.Trigger(ev, p, nil)
			slices.Sort(got)
			if want := tw.event(ev, p); !slices.Equal(got, want) {
				t.Fatalf("%v(%s) tells %v, want %v", ev, p, got, want)
			}
		}
		compare(t, m, tw)
	}
	for w := range WatcherID(50) {
		m.RemoveWatcher(w)
	}
	checkEmpty(t, m)
	if n := cap(m.shards[0].entries); n > smallEmpty {
		t.Errorf("an empty shard keeps room for %d entries", n)
	}
}

// Watches that come and go do not pile up, also while others stay.
func TestChurnKeepsMemoryBounded(t *testing.T) {
	m := New(1, 1)
	for i := range 500 {
		m.Add(fmt.Sprintf("/stays/%d", i), 1, Persistent)
	}
	for i := range 50_000 {
		p := fmt.Sprintf("/goes/%d", i)
		m.Add(p, 2, Data)
		m.Add(p, 3, Child)
		m.Trigger(wire.EventNodeDeleted, p, nil)
	}
	s := m.shards[0]
	if len(s.paths) > 501 || len(s.entries) > 502 || len(s.byText.cells) > 1024 || len(s.byPair.cells) > 1024 {
		t.Errorf("room for %d paths, %d entries, %d and %d index cells", len(s.paths), len(s.entries), len(s.byText.cells), len(s.byPair.cells))
	}
	if cap(s.text) > 4*smallText {
		t.Errorf("%d bytes of text", cap(s.text))
	}
	if got := m.Counts(); got != (Counts{500, 500}) {
		t.Errorf("counts %+v", got)
	}
}

func TestOrderOfNotification(t *testing.T) {
	m := New(8, 3)
	m.Add("/", 9, Recursive)
	m.Add("/a/b", 5, Data)
	m.Add("/a", 8, Recursive)
	m.Add("/a", 7, Recursive)
	m.Add("/a/b", 2, Child)
	m.Add("/a/b", 6, Persistent)
	m.Add("/a", 5, Recursive) // told by its own watch already
	m.Add("/", 8, Recursive)  // told once, where it is met first
	m.Add("/a/b", 8, Child)
	want := []WatcherID{5, 6, 9, 8, 7, 2}
	if got := m.Trigger(wire.EventNodeDeleted, "/a/b", nil); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	want = []WatcherID{6, 9, 8, 7, 5} // 8 for its recursive watches alone
	if got := m.Trigger(wire.EventNodeCreated, "/a/b", nil); !slices.Equal(got, want) {
		t.Errorf("then told %v, want %v", got, want)
	}
}

func TestTriggerAppends(t *testing.T) {
	m := New(1, 0)
	m.Add("/a", 1, Child)
	if got := m.Trigger(wire.EventNodeChildrenChanged, "/a", []WatcherID{1, 1}); !slices.Equal(got, []WatcherID{1, 1, 1}) {
		t.Errorf("got %v", got)
	}
	if got := m.Trigger(wire.EventNone, "/a", nil); len(got) > 0 {
		t.Errorf("an event that no node has tells %v", got)
	}
}

func TestAddDoesNotKeepThePath(t *testing.T) {
	m := New(1, 0)
	frame := []byte("/abc")
	m.Add(unsafeString(frame), 1, Data)
	copy(frame, "/xyz")
	if m.Check("/abc", 1, TypeData) != wire.OK {
		t.Error("a path changed with the frame it came in")
	}
}

func TestShardsAreAPowerOfTwoAndAllUsed(t *testing.T) {
	for asked, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 3: 4, 16: 16, 1 << 20: MaxShards} {
		if got := New(asked, 0).Shards(); got != want {
			t.Errorf("New(%d) has %d shards, want %d", asked, got, want)
		}
	}
	m := New(16, 42)
	used := make([]int, m.Shards())
	for i := range 1600 {
		used[m.ShardOf(fmt.Sprintf("/a/n%d", i))]++
	}
	for i, n := range used {
		if n < 50 || n > 200 {
			t.Errorf("shard %d has %d of 1600 paths", i, n)
		}
	}
}

// What one goroutine does to one shard must not be seen by another shard: the
// race detector watches.
func TestShardsAreIndependent(t *testing.T) {
	m := New(4, 9)
	byShard := make([][]string, m.Shards())
	for i := range 400 {
		p := fmt.Sprintf("/n/%d", i)
		byShard[m.ShardOf(p)] = append(byShard[m.ShardOf(p)], p)
	}
	done := make(chan struct{})
	for i := range byShard {
		go func() {
			defer func() { done <- struct{}{} }()
			for w := range WatcherID(20) {
				for _, p := range byShard[i] {
					m.Add(p, w, Data|Recursive)
					m.Check(p, w, TypeData)
					m.Remove(p, w, TypeRecursive)
				}
				m.CountsOf(i)
				m.RemoveWatcherFrom(i, w)
			}
		}()
	}
	for range byShard {
		<-done
	}
	checkEmpty(t, m)
}
