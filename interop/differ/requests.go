package differ

import (
	"fmt"

	"github.com/zabra/zabra/interop/raw"
)

// request fills in a random request: mostly sensible, sometimes damaged.
func (g *Generator) request(st *Step) {
	n := g.r.IntN(1000)
	switch {
	case n < 230:
		g.write(st)
	case n < 480:
		g.read(st)
	case n < 620:
		g.watch(st)
	case n < 720:
		g.multi(st)
	case n < 750:
		g.acl(st)
	case n < 775:
		g.auth(st)
	case n < 820:
		g.quota(st)
	case n < 825:
		g.set(st, raw.OpCloseSession, nil, "")
		return
	case n < 830:
		g.invalid(st)
	default:
		g.write(st)
	}
	if !g.clean && g.r.IntN(40) == 0 {
		g.damage(st)
	}
}

func (g *Generator) invalid(st *Step) {
	op := raw.OpCreateSession
	for excluded(op, 0) {
		op = pick(g.r, raw.OpNotification, raw.OpCheck, raw.OpDeleteContainer, raw.OpCreateSession, raw.OpError, 10, 23, 55, 99, 108, -12, 1000)
	}
	g.set(st, op, raw.PathInt("/a", -1), "invalid type")
}

func (g *Generator) set(st *Step, op raw.Op, body raw.Body, format string, args ...any) {
	st.Op, st.Body, st.Since, st.Path = op, body, -1, ""
	st.Text = fmt.Sprintf(format, args...)
}

func (g *Generator) write(st *Step) {
	o := g.subWrite()
	for o.op == raw.OpCheck {
		o = g.subWrite()
	}
	g.set(st, o.op, o.body, "%s", o.text)
	if st.Op == raw.OpDelete {
		st.Path = o.path
	}
}

type subOp struct {
	op   raw.Op
	body raw.Body
	text string
	path string
}

// subWrite is a write as it may stand alone or in a multi.
func (g *Generator) subWrite() subOp {
	p, v := g.path(), g.version()
	switch g.r.IntN(10) {
	case 0, 1, 2, 3, 4:
		return g.create()
	case 5, 6:
		d := g.data(p)
		return subOp{raw.OpSetData, raw.SetData(p, d, v), fmt.Sprintf("%q data=%d v=%d", p, len(d), v), p}
	case 7:
		return subOp{raw.OpCheck, raw.PathInt(p, v), fmt.Sprintf("%q v=%d", p, v), p}
	}
	return subOp{raw.OpDelete, raw.PathInt(p, v), fmt.Sprintf("%q v=%d", p, v), p}
}

func (g *Generator) create() subOp {
	op, flags := g.createKind()
	for excluded(op, flags) {
		op, flags = g.createKind()
	}
	p, acl := g.newPath(), raw.Open
	if g.r.IntN(6) == 0 {
		acl = g.acls()
	}
	d := g.data(p)
	if op == raw.OpCreateTTL {
		ttl := pick[int64](g.r, 1<<30, 1<<39, 1<<40-1, 1<<35, 1<<40, 0, -1)
		return subOp{op, raw.CreateTTL(p, d, acl, flags, ttl), fmt.Sprintf("%q data=%d acl=%v flags=%d ttl=%d", p, len(d), acl, flags, ttl), p}
	}
	return subOp{op, raw.Create(p, d, acl, flags), fmt.Sprintf("%q data=%d acl=%v flags=%d", p, len(d), acl, flags), p}
}

func (g *Generator) createKind() (raw.Op, int32) {
	op := pick(g.r, raw.OpCreate, raw.OpCreate, raw.OpCreate2, raw.OpCreate2, raw.OpCreateContainer, raw.OpCreateTTL)
	if !g.clean && g.r.IntN(40) == 0 {
		return op, pick[int32](g.r, 4, 5, 6, 7, -1)
	}
	if op == raw.OpCreateTTL {
		return op, pick[int32](g.r, 5, 6)
	}
	if op == raw.OpCreateContainer {
		return op, pick[int32](g.r, 4, 4, 4, 0)
	}
	return op, pick[int32](g.r, 0, 0, 0, 0, 1, 1, 2, 3, 4)
}

func (g *Generator) read(st *Step) {
	op := pick(g.r, raw.OpExists, raw.OpGetData, raw.OpGetChildren, raw.OpGetChildren2, raw.OpGetACL, raw.OpSync,
		raw.OpGetEphemerals, raw.OpGetAllChildrenNumber, raw.OpMultiRead, raw.OpWhoAmI)
	p, w := g.path(), g.r.IntN(2) == 0
	switch op {
	case raw.OpWhoAmI:
		g.set(st, op, nil, "")
	case raw.OpMultiRead:
		g.multiRead(st)
	case raw.OpGetACL, raw.OpSync, raw.OpGetEphemerals, raw.OpGetAllChildrenNumber:
		g.set(st, op, raw.Path(p), "%q", p)
	default:
		g.set(st, op, raw.Read(p, w), "%q watch=%v", p, w)
	}
}

func (g *Generator) multiRead(st *Step) {
	var ops []raw.SubOp
	text := ""
	for range g.r.IntN(5) {
		op := pick(g.r, raw.OpGetData, raw.OpGetChildren, raw.OpGetData, raw.OpGetChildren, raw.OpGetData, raw.OpGetChildren, raw.OpExists)
		p := g.path()
		ops = append(ops, raw.SubOp{Op: op, Body: raw.Read(p, g.r.IntN(2) == 0)})
		text += fmt.Sprintf("%v %q; ", op, p)
	}
	g.set(st, raw.OpMultiRead, raw.Multi(ops...), "%s", text)
}

func (g *Generator) multi(st *Step) {
	var ops []raw.SubOp
	text := ""
	for range g.r.IntN(6) {
		o := g.subWrite()
		if !g.clean && g.r.IntN(100) == 0 {
			o = subOp{op: raw.OpGetData, body: raw.Read("/a", false), text: "wrong kind"}
		}
		ops = append(ops, raw.SubOp{Op: o.op, Body: o.body})
		text += fmt.Sprintf("%v %s; ", o.op, o.text)
	}
	g.set(st, raw.OpMulti, raw.Multi(ops...), "%s", text)
}

func (g *Generator) watch(st *Step) {
	p := g.path()
	switch g.r.IntN(12) {
	case 0, 1, 2, 3:
		op := pick(g.r, raw.OpExists, raw.OpGetData, raw.OpGetChildren, raw.OpGetChildren2)
		g.set(st, op, raw.Read(p, true), "%q watch=true", p)
		g.remember(st.Slot, p)
	case 4, 5, 6:
		mode := pick[int32](g.r, 0, 1, 0, 1, 0, 1, 2, -1)
		g.set(st, raw.OpAddWatch, raw.PathInt(p, mode), "%q mode=%d", p, mode)
		g.remember(st.Slot, p)
	case 7, 8, 9:
		op := pick(g.r, raw.OpRemoveWatches, raw.OpRemoveWatches, raw.OpCheckWatches)
		typ := pick[int32](g.r, 1, 2, 3, 3, 4, 5, 4, 5, 1, 2, 0, 6)
		if w := g.slots[st.Slot].watched; len(w) > 0 && g.r.IntN(5) > 0 {
			p = w[g.r.IntN(len(w))]
		}
		g.set(st, op, raw.PathInt(p, typ), "%q type=%d", p, typ)
	default:
		g.setWatches(st)
	}
}

// remember keeps the last few paths that a session watched, to be removed again.
func (g *Generator) remember(slot int, path string) {
	const most = 6
	w := append(g.slots[slot].watched, path)
	g.slots[slot].watched = w[max(0, len(w)-most):]
}

func (g *Generator) setWatches(st *Step) {
	op, n := raw.OpSetWatches, 3
	if g.r.IntN(2) == 0 {
		op, n = raw.OpSetWatches2, 5
	}
	lists := make([][]string, n)
	for i := range lists {
		lists[i] = []string{}
		for range g.r.IntN(4) {
			lists[i] = append(lists[i], g.path())
		}
	}
	since := g.r.IntN(g.step)
	g.set(st, op, raw.SetWatches(0, lists...), "since @%d %q", since, lists)
	st.Since = since
}

func (g *Generator) acl(st *Step) {
	p, v := g.path(), g.version()
	a := g.acls()
	if g.r.IntN(3) == 0 {
		a = raw.Open
	}
	g.set(st, raw.OpSetACL, raw.SetACL(p, a, v), "%q acl=%v v=%d", p, a, v)
}

func (g *Generator) auth(st *Step) {
	a := pick(g.r,
		[2]string{"digest", "u1:p1"}, [2]string{"digest", "u2:p2"}, [2]string{"digest", "u1:p1"}, [2]string{"digest", "u3"},
		[2]string{"digest", superAuth}, [2]string{"ip", ""}, [2]string{"world", "anyone"}, [2]string{"foo", "x"}, [2]string{"sasl", "x"}, [2]string{"digest", ""})
	if g.r.IntN(6) == 0 {
		newMembers := raw.Body{}.Null().Str("5").Null().Long(-1)
		g.set(st, raw.OpReconfig, newMembers, "leaving 5")
		return
	}
	if g.r.IntN(8) == 0 {
		g.set(st, raw.OpSASL, raw.Body{}.Bytes([]byte{}), "empty token")
		return
	}
	g.set(st, raw.OpAuth, raw.Auth(a[0], []byte(a[1])), "%s %q", a[0], a[1])
}

// openingQuota puts a hard limit on /a: by chance alone some runs would never
// meet one.
func openingQuota() []subOp {
	var ops []subOp
	for _, n := range [][2]string{
		{"/a", ""},
		{"/zookeeper/quota/a", ""},
		{"/zookeeper/quota/a" + limitsNode, "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=25"},
		{"/zookeeper/quota/a" + statsNode, "count=0,bytes=0"},
	} {
		body := raw.Create(n[0], []byte(n[1]), raw.Open, raw.Persistent)
		ops = append(ops, subOp{raw.OpCreate, body, fmt.Sprintf("%q %q", n[0], n[1]), n[0]})
	}
	return ops
}

// quota works on the quota nodes, with texts that the reference can read: it
// stops serving on others.
func (g *Generator) quota(st *Step) {
	p := pick(g.r, "/a", "/b", "/a/b", "/c")
	node := "/zookeeper/quota" + p
	leaf := pick(g.r, "", limitsNode, limitsNode, statsNode, statsNode)
	switch g.r.IntN(8) {
	case 0, 1, 2, 3:
		d := g.data(node + leaf)
		g.set(st, raw.OpCreate, raw.Create(node+leaf, d, raw.Open, 0), "%q %q", node+leaf, d)
	case 4:
		d := g.data(node + limitsNode)
		g.set(st, raw.OpSetData, raw.SetData(node+limitsNode, d, -1), "%q %q", node+limitsNode, d)
	case 5:
		g.set(st, raw.OpDelete, raw.PathInt(node+leaf, -1), "%q v=-1", node+leaf)
	default:
		g.set(st, raw.OpGetData, raw.Read(node+leaf, true), "%q watch=true", node+leaf)
	}
}

// damage cuts a body or changes one of its bytes.
func (g *Generator) damage(st *Step) {
	if len(st.Body) == 0 || st.Since >= 0 {
		return
	}
	b := append(raw.Body{}, st.Body...)
	if g.r.IntN(2) == 0 || !g.mayChange(st) {
		n := g.r.IntN(len(b))
		st.Body, st.Text = b[:n], fmt.Sprintf("%s (cut to %d bytes)", st.Text, n)
		return
	}
	i, c := g.r.IntN(len(b)), byte(g.r.IntN(256))
	b[i] = c
	st.Body, st.Text = b, fmt.Sprintf("%s (byte %d = %#x)", st.Text, i, c)
}

// mayChange reports whether any byte of the body may be changed without making
// a request that is excluded or that breaks the reference.
func (g *Generator) mayChange(st *Step) bool {
	switch st.Op {
	case raw.OpCreate, raw.OpCreate2, raw.OpSetACL, // could become a negative count
		raw.OpCreateContainer, raw.OpCreateTTL, raw.OpMulti, raw.OpReconfig, raw.OpAuth:
		return false
	}
	return !containsQuota(st.Body)
}
