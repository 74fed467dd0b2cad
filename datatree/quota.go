package datatree

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// A quota on P is the pair of nodes limitsNode and statsNode under
// /zookeeper/quota/P. The nodes below /zookeeper/quota are the trie in which
// the quota of a path is looked up; there is no other.
const (
	limitsNode = "zookeeper_limits"
	statsNode  = "zookeeper_stats"
)

// A Limit is one quota, of nodes or of bytes, and what a change would make of
// it.
type Limit struct {
	Max      int64 // -1 for no limit
	New      int64 // usage after the change
	Hard     bool
	Exceeded bool
}

// A Quota says what a change means for the quota that covers its path.
type Quota struct {
	Prefix string // path the quota is on, a part of the path asked for; "" if none covers it
	Count  Limit  // nodes
	Bytes  Limit  // bytes of data
}

// Refused reports whether a hard limit would be exceeded.
func (q Quota) Refused() bool {
	return q.Count.Exceeded && q.Count.Hard || q.Bytes.Exceeded && q.Bytes.Hard
}

// Warned reports whether a soft limit would be exceeded.
func (q Quota) Warned() bool {
	return q.Count.Exceeded && !q.Count.Hard || q.Bytes.Exceeded && !q.Bytes.Hard
}

// CheckQuota tells what adding bytes of data and nodes at path would mean for
// its quota. Where a hard limit is set the soft one of that kind is not looked
// at; a kind that does not change is not checked. It counts what is applied.
func (t *Tree) CheckQuota(path string, addBytes, addCount int64) Quota {
	prefix, limitsSlot, statsSlot := t.quotaFor(path)
	q := Quota{Prefix: prefix, Count: Limit{Max: -1}, Bytes: Limit{Max: -1}}
	if limitsSlot == 0 || statsSlot == 0 {
		return q
	}
	limits, used := t.quotaText(limitsSlot), t.quotaText(statsSlot)
	q.Count = limits.check("count", "countHardLimit", used.get("count"), addCount)
	q.Bytes = limits.check("bytes", "byteHardLimit", used.get("bytes"), addBytes)
	return q
}

func (t *Tree) quotaText(slot uint32) quotaRecord { return parseQuota(t.data(t.nodes.at(slot))) }

// quotaFor finds the quota with the longest path that covers path. The root
// can have none.
func (t *Tree) quotaFor(path string) (prefix string, limits, stats uint32) {
	dir := quotaSlot
	for end := 0; end < len(path) && t.firstChild(t.nodes.at(dir)) != 0; {
		name, _, _ := strings.Cut(path[end+1:], "/")
		if dir = t.child(dir, name); dir == 0 {
			break
		}
		end += 1 + len(name)
		if s := t.child(dir, limitsNode); s != 0 {
			prefix, limits, stats = path[:end], s, t.child(dir, statsNode)
		}
	}
	return prefix, limits, stats
}

// charge adds to the statistics of the quota that covers path. They are no
// transaction: neither version nor zxid nor time of the node change.
func (t *Tree) charge(path string, addBytes, addCount int64) {
	if t.firstChild(t.nodes.at(quotaSlot)) == 0 {
		return
	}
	_, _, stats := t.quotaFor(path)
	if stats == 0 {
		return
	}
	r := t.quotaText(stats)
	r.set("count", r.get("count")+addCount)
	r.set("bytes", r.get("bytes")+addBytes)
	t.putQuotaText(stats, r)
}

// recount counts the subtree that the statistics in slot are about.
func (t *Tree) recount(stats uint32, path string) {
	var r quotaRecord
	var count, size int64
	if top := t.find(path); top != 0 {
		for s := top; s != 0; s = t.following(top, s) {
			count++
			size += int64(max(t.nodes.at(s).dataLen, 0))
		}
	}
	r.set("count", count)
	r.set("bytes", size)
	t.putQuotaText(stats, r)
}

func (t *Tree) putQuotaText(slot uint32, r quotaRecord) {
	n := t.nodes.at(slot)
	text := r.appendTo(nil)
	if n.dataLen >= 0 && bytes.Equal(text, t.data(n)) {
		return
	}
	t.touch(slot)
	t.dataSize += int64(len(text)) - int64(max(n.dataLen, 0))
	t.putData(n, text)
}

// recountAll recounts every quota, after a load.
func (t *Tree) recountAll() {
	for s := quotaSlot; s != 0; s = t.following(quotaSlot, s) {
		n := t.nodes.at(s)
		if t.name(n) != limitsNode || n.parent == quotaSlot {
			continue
		}
		if stats := t.child(n.parent, statsNode); stats != 0 {
			path := string(t.appendPath(nil, n.parent))
			t.recount(stats, path[len(quotaPath):])
		}
	}
}

// newQuotaNode does what the creation of a node under /zookeeper/quota brings
// with it: a new statistics node is filled in.
func (t *Tree) newQuotaNode(slot uint32, path string) {
	dir, isStats := strings.CutSuffix(path, "/"+statsNode)
	if target, ok := strings.CutPrefix(dir, quotaPath); isStats && ok {
		t.recount(slot, target)
	}
}

// A quotaRecord is the text of a limits or statistics node: keys and numbers.
type quotaRecord struct {
	keys   []string
	values []int64
}

func (r *quotaRecord) get(key string) int64 {
	if i := slices.Index(r.keys, key); i >= 0 {
		return r.values[i]
	}
	return -1
}

func (r *quotaRecord) set(key string, v int64) {
	if i := slices.Index(r.keys, key); i >= 0 {
		r.values[i] = v
		return
	}
	r.keys, r.values = append(r.keys, key), append(r.values, v)
}

func (r *quotaRecord) check(soft, hard string, used, add int64) Limit {
	l := Limit{Max: r.get(soft), New: used + add}
	if h := r.get(hard); h > -1 {
		l.Max, l.Hard = h, true
	}
	l.Exceeded = add != 0 && l.Max > -1 && l.New > l.Max
	return l
}

// parseQuota reads a quota node's text: key=number pairs between runs of
// commas and semicolons, where something behind the number, after another =,
// is ignored. What is not a number is no limit.
func parseQuota(text []byte) quotaRecord {
	var r quotaRecord
	isSep := func(c rune) bool { return c == ',' || c == ';' }
	for _, pair := range strings.FieldsFunc(string(text), isSep) {
		key, rest, _ := strings.Cut(pair, "=")
		number, _, _ := strings.Cut(rest, "=")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			v = -1
		}
		r.set(key, v)
	}
	return r
}

// appendTo writes the text: count and bytes, then, behind an = that makes old
// readers ignore them, the other keys in order.
func (r *quotaRecord) appendTo(b []byte) []byte {
	b = strconv.AppendInt(append(b, "count="...), r.get("count"), 10)
	b = strconv.AppendInt(append(b, ",bytes="...), r.get("bytes"), 10)
	rest := slices.DeleteFunc(slices.Clone(r.keys), func(k string) bool { return k == "count" || k == "bytes" })
	if len(rest) == 0 {
		return b
	}
	slices.Sort(rest)
	b = append(b, '=')
	for _, k := range rest {
		b = append(append(append(b, ';'), k...), '=')
		b = strconv.AppendInt(b, r.get(k), 10)
	}
	return b
}
