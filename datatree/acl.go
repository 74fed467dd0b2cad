package datatree

import (
	"slices"
	"strings"

	"github.com/zabra/zabra/wire"
)

// An aclTable keeps each distinct ACL once. A list is never changed, so that
// readers may hold it longer than the tree does.
type aclTable struct {
	entries []aclEntry
	byKey   map[string]uint32
	free    []uint32
	scratch []byte
}

type aclEntry struct {
	list []wire.ACL
	key  string // the list's encoding
	refs int    // nodes that have it
}

// openACL is world:anyone:cdrwa, by far the most common list; it is not counted.
const openACL = 0

func (a *aclTable) init() {
	a.byKey = make(map[string]uint32)
	open := wire.WorldAnyone(wire.PermAll)
	key := string(appendACL(nil, open))
	a.entries = []aclEntry{{list: open, key: key}}
	a.byKey[key] = openACL
}

func appendACL(b []byte, list []wire.ACL) []byte {
	b = wire.AppendInt(b, int32(len(list)))
	for i := range list {
		b = list[i].AppendTo(b)
	}
	return b
}

func isOpen(list []wire.ACL) bool {
	return list == nil || len(list) == 1 && list[0].Perms == wire.PermAll &&
		list[0].ID.Scheme == "world" && list[0].ID.ID == "anyone"
}

// intern returns the list's number and counts one more use of it. No list at
// all means the open one, as in ZooKeeper.
func (a *aclTable) intern(list []wire.ACL) uint32 {
	if isOpen(list) {
		return openACL
	}
	a.scratch = appendACL(a.scratch[:0], list)
	if id, ok := a.byKey[string(a.scratch)]; ok {
		a.use(id)
		return id
	}
	return a.add(aclEntry{list: cloneACL(list), key: string(a.scratch), refs: 1})
}

func (a *aclTable) add(e aclEntry) uint32 {
	var id uint32
	if n := len(a.free); n > 0 {
		id = a.free[n-1]
		a.free = a.free[:n-1]
		a.entries[id] = e
	} else {
		id = uint32(len(a.entries))
		a.entries = append(a.entries, e)
	}
	a.byKey[e.key] = id
	return id
}

// use counts one use more.
func (a *aclTable) use(id uint32) {
	if id != openACL {
		a.entries[id].refs++
	}
}

// release counts one use less.
func (a *aclTable) release(id uint32) {
	if id == openACL {
		return
	}
	e := &a.entries[id]
	if e.refs--; e.refs == 0 {
		delete(a.byKey, e.key)
		*e = aclEntry{}
		a.free = append(a.free, id)
	}
}

func (a *aclTable) list(id uint32) []wire.ACL { return a.entries[id].list }

func cloneACL(list []wire.ACL) []wire.ACL {
	c := slices.Clone(list)
	for i := range c {
		c[i].ID.Scheme = strings.Clone(c[i].ID.Scheme)
		c[i].ID.ID = strings.Clone(c[i].ID.ID)
	}
	return c
}

const minACLSize = 12

// decodeACL reads a list. It may alias the input.
func decodeACL(d *wire.Decoder) ([]wire.ACL, bool) {
	n := d.Count(minACLSize)
	if n < 0 {
		return nil, d.Err() == nil
	}
	list := make([]wire.ACL, n)
	for i := range list {
		list[i].DecodeFrom(d)
	}
	return list, d.Err() == nil
}
