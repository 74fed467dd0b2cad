package memfs

import (
	"maps"
	"slices"
)

// A change of the names in a directory.
type change struct {
	remove string // the name that goes away, if any
	add    string // the name that appears, if any
	node   *inode
}

func (ch change) apply(names map[string]*inode) {
	// A change that was kept although one before it was lost may find the name in
	// other hands; then the removal belongs to somebody else's file.
	if ch.remove != "" && names[ch.remove] == ch.node {
		delete(names, ch.remove)
	}
	if ch.add != "" {
		names[ch.add] = ch.node
	}
}

// dir holds the files of one directory.
type dir struct {
	now     map[string]*inode
	synced  map[string]*inode
	changes []change // since the last sync
}

func newDir() *dir { return &dir{now: map[string]*inode{}, synced: map[string]*inode{}} }

func (d *dir) do(ch change) {
	ch.apply(d.now)
	d.changes = append(d.changes, ch)
}

func (d *dir) sync() {
	d.synced = maps.Clone(d.now)
	d.changes = nil
}

func (d *dir) clone() *dir {
	return &dir{maps.Clone(d.now), maps.Clone(d.synced), slices.Clone(d.changes)}
}

// replace puts another file in the place of each.
func (d *dir) replace(by func(*inode) *inode) {
	for _, names := range []map[string]*inode{d.now, d.synced} {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			names[name] = by(names[name])
		}
	}
	for i, ch := range d.changes {
		d.changes[i].node = by(ch.node)
	}
	if d.synced == nil {
		d.sync()
	}
}

// crash returns the names that c leaves, still with the old files.
func (d *dir) crash(c *crash) map[string]*inode {
	names := maps.Clone(d.synced)
	for _, ch := range d.changes {
		if c.kept() {
			ch.apply(names)
		} else if c.order {
			break
		}
	}
	return names
}
