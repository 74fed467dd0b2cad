package recipes

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/plant"
)

// A Depth says how much of a tree a Cache holds.
type Depth int

const (
	// NodeOnly is one node.
	NodeOnly Depth = iota
	// WithChildren is a node and its children.
	WithChildren
	// WholeTree is a node and all below it.
	WholeTree
)

// An Entry is a node as a Cache knows it.
type Entry struct {
	Path string
	Data []byte
	Stat client.Stat
}

// A ChangeType says what happened to an Entry.
type ChangeType int

// The changes of a Cache.
const (
	Added ChangeType = iota + 1
	Changed
	Removed
)

// A Change is one of a Cache. Entry is what there is now, or was last.
type Change struct {
	Type ChangeType
	Entry
}

// A Cache is a copy of a part of the tree that follows the original: always a little
// behind it, never older than it was, and right in the end whatever happens to
// connections and sessions. Nodes below its root that may not be read are left out.
// Reading it costs no request.
type Cache struct {
	tree  client.Tree
	root  string
	depth Depth
	watch *client.Watch
	stop  context.CancelFunc
	done  chan struct{}

	mu      sync.RWMutex
	entries map[string]Entry
	changes chan Change
	err     error
}

// NewCache makes a copy of the node at path, which need not be there, and returns when
// it is complete. If changes is not nil it gets every change from then on, in order;
// the Cache waits for whoever takes them, and closes the channel when it ends.
func NewCache(ctx context.Context, tree client.Tree, path string, depth Depth, changes chan Change) (*Cache, error) {
	w, err := tree.AddWatch(ctx, path, depth != NodeOnly)
	if err != nil {
		return nil, err
	}
	c := &Cache{tree: tree, root: path, depth: depth, watch: w, done: make(chan struct{}), entries: map[string]Entry{}}
	if c.entries, err = c.load(ctx); err != nil {
		w.Close()
		return nil, err
	}
	c.changes = changes
	following, stop := context.WithCancel(context.Background())
	c.stop = stop
	go c.follow(following)
	return c, nil
}

// Get returns the node at path, if it is there.
func (c *Cache) Get(path string) (Entry, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[path]
	return e, ok
}

// Children returns the paths of a node's children, sorted. It looks at all that the
// Cache holds.
func (c *Cache) Children(path string) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var list []string
	for p := range c.entries {
		if p != path && strings.HasPrefix(p, join(path, "")) && strings.LastIndexByte(p, '/') == len(join(path, ""))-1 {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}

// All goes through what there was at one moment, by path.
func (c *Cache) All() iter.Seq[Entry] {
	c.mu.RLock()
	all := maps.Clone(c.entries)
	c.mu.RUnlock()
	return func(yield func(Entry) bool) {
		for _, p := range slices.Sorted(maps.Keys(all)) {
			if !yield(all[p]) {
				return
			}
		}
	}
}

// Err is why the Cache does not follow, nil while it does. Unless the Client is closed it
// tries again and again.
func (c *Cache) Err() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.err
}

// Close ends it.
func (c *Cache) Close() {
	c.stop()
	<-c.done
}

// follow keeps the copy like the original.
func (c *Cache) follow(ctx context.Context) {
	defer close(c.done)
	defer c.watch.Close()
	if c.changes != nil {
		defer close(c.changes)
	}
	for {
		var e client.Event
		var open bool
		select {
		case e, open = <-c.watch.C:
		case <-ctx.Done():
			return
		}
		err := client.ErrClosed
		if open {
			err = c.take(ctx, e)
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, client.ErrClosed):
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
			return
		case err != nil:
			// What the event told is not known: look at everything when one can again.
			for !c.caughtUp(ctx) {
				pause(ctx)
			}
		}
	}
}

// caughtUp reads everything, and reports whether there is no use in trying again.
func (c *Cache) caughtUp(ctx context.Context) bool {
	err := c.reload(ctx)
	if ctx.Err() != nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	return err == nil || errors.Is(err, client.ErrClosed)
}

// absent reports whether an error says that there is no node to show: it is gone, or may
// not be read, which must not stop all others. Of the root it is told.
func (c *Cache) absent(path string, err error) bool {
	return errors.Is(err, client.ErrNoNode) || errors.Is(err, client.ErrNoAuth) && path != c.root
}

// take looks at what an event is about.
func (c *Cache) take(ctx context.Context, e client.Event) error {
	if e.Type == client.EventGap {
		if plant.In(plant.GapIgnored) {
			return nil
		}
		return c.reload(ctx)
	}
	if !c.covers(e.Path) || e.Type == client.EventChildrenChanged {
		return nil
	}
	data, st, err := c.tree.Get(ctx, e.Path)
	if c.absent(e.Path, err) {
		return c.apply(ctx, e.Path, nil)
	}
	if err != nil {
		return err
	}
	return c.apply(ctx, e.Path, &Entry{e.Path, data, st})
}

// covers reports whether a path belongs to the copy.
func (c *Cache) covers(path string) bool {
	if path == c.root {
		return true
	}
	below, ok := strings.CutPrefix(path, join(c.root, ""))
	switch {
	case !ok || c.depth == NodeOnly:
		return false
	case c.depth == WithChildren:
		return !strings.Contains(below, "/")
	}
	return true
}

// apply makes one node what it is now, nil if it is gone, and tells of it.
func (c *Cache) apply(ctx context.Context, path string, now *Entry) error {
	c.mu.Lock()
	old, had := c.entries[path]
	ch := Change{}
	switch {
	case now == nil && had:
		delete(c.entries, path)
		ch = Change{Removed, old}
	case now != nil && !had:
		c.entries[path] = *now
		ch = Change{Added, *now}
	case now != nil && now.Stat.Mzxid != old.Stat.Mzxid:
		c.entries[path] = *now
		ch = Change{Changed, *now}
	case now != nil:
		c.entries[path] = *now
	}
	c.mu.Unlock()
	if ch.Type == 0 || c.changes == nil {
		return nil
	}
	select {
	case c.changes <- ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reload reads everything, and tells what is different.
func (c *Cache) reload(ctx context.Context) error {
	fresh, err := c.load(ctx)
	if err != nil {
		return err
	}
	c.mu.RLock()
	paths := slices.Collect(maps.Keys(c.entries))
	c.mu.RUnlock()
	slices.Sort(paths)
	for _, p := range slices.Backward(paths) { // children before parents
		if _, there := fresh[p]; !there {
			if err := c.apply(ctx, p, nil); err != nil {
				return err
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(fresh)) {
		e := fresh[p]
		if err := c.apply(ctx, p, &e); err != nil {
			return err
		}
	}
	return nil
}

// readers is how many nodes are read at once.
const readers = 64

// load reads all that belongs to the copy, a level at a time.
func (c *Cache) load(ctx context.Context) (map[string]Entry, error) {
	found := map[string]Entry{}
	level := []string{c.root}
	for depth := NodeOnly; len(level) > 0; depth++ {
		entries, below, err := c.readAll(ctx, level, c.depth == WholeTree || depth < c.depth)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			found[e.Path] = e
		}
		level = below
	}
	return found, nil
}

// readAll reads nodes, and the paths of their children if they are wanted. Nodes that
// vanish, or may not be read, are left out.
func (c *Cache) readAll(ctx context.Context, paths []string, deeper bool) (entries []Entry, below []string, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	todo := make(chan string)
	for range min(readers, len(paths)) {
		wg.Go(func() {
			for p := range todo {
				e, names, readErr := c.read(ctx, p, deeper)
				mu.Lock()
				switch {
				case readErr == nil:
					entries = append(entries, e)
					for _, name := range names {
						below = append(below, join(p, name))
					}
				case !c.absent(p, readErr) && err == nil:
					err = readErr
				}
				mu.Unlock()
			}
		})
	}
	for _, p := range paths {
		todo <- p
	}
	close(todo)
	wg.Wait()
	return entries, below, err
}

func (c *Cache) read(ctx context.Context, path string, deeper bool) (Entry, []string, error) {
	data, st, err := c.tree.Get(ctx, path)
	if err != nil || !deeper {
		return Entry{path, data, st}, nil, err
	}
	names, _, err := c.tree.Children(ctx, path)
	return Entry{path, data, st}, names, err
}
