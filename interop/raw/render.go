package raw

import (
	"fmt"
	"slices"
	"strings"
)

// A View says how to print the values that differ from server to server. The
// zero View prints them as they are.
type View struct {
	Zxid    func(int64) string
	Session func(int64) string
	Time    func(int64) string
	// Unordered sorts what a server may list in any order.
	Unordered bool
}

func named(f func(int64) string, v int64, format string) string {
	if f == nil {
		return fmt.Sprintf(format, v)
	}
	return f(v)
}

// String names the request type as the protocol's descriptions do.
func (o Op) String() string {
	if n, ok := opNames[o]; ok {
		return n
	}
	return fmt.Sprintf("type%d", int32(o))
}

// Reply prints the reply to a request of type op: error, zxid, decoded body and
// whatever does not belong there.
func (v View) Reply(op Op, p Packet) string {
	head := fmt.Sprintf("err=%d zxid=%s", p.Err, named(v.Zxid, p.Zxid, "0x%x"))
	if p.Err != 0 {
		return head + v.rest(NewReader(p.Body), op == OpSASL)
	}
	r := NewReader(p.Body)
	body := v.body(op, r)
	return strings.TrimRight(head+" "+body, " ") + v.rest(r, false)
}

// rest reports bytes that are missing or too many.
func (v View) rest(r *Reader, ignore bool) string {
	switch {
	case r.Err() != nil:
		return fmt.Sprintf(" !short(%v)", r.Err())
	case len(r.Rest()) > 0 && !ignore:
		return fmt.Sprintf(" !extra(%x)", r.Rest())
	}
	return ""
}

func (v View) body(op Op, r *Reader) string {
	switch op {
	case OpCreate, OpSync:
		return quote(r.Str())
	case OpCreate2, OpCreateContainer, OpCreateTTL:
		return quote(r.Str()) + " " + v.stat(r)
	case OpExists, OpSetData, OpSetACL:
		return v.stat(r)
	case OpGetData, OpReconfig:
		return data(r.Bytes()) + " " + v.stat(r)
	case OpGetACL:
		return v.acls(r) + " " + v.stat(r)
	case OpGetChildren, OpGetEphemerals:
		return v.names(r.Strs())
	case OpGetChildren2:
		return v.names(r.Strs()) + " " + v.stat(r)
	case OpMulti, OpMultiRead:
		return v.multi(r)
	case OpSASL:
		return data(r.Bytes())
	case OpGetAllChildrenNumber, OpAddWatch:
		return fmt.Sprint(r.Int())
	case OpWhoAmI:
		return v.pairs(r)
	}
	return ""
}

func (v View) stat(r *Reader) string {
	czxid, mzxid, ctime, mtime := r.Long(), r.Long(), r.Long(), r.Long()
	version, cversion, aversion, owner := r.Int(), r.Int(), r.Int(), r.Long()
	length, children, pzxid := r.Int(), r.Int(), r.Long()
	return fmt.Sprintf("{c=%s m=%s p=%s ct=%s mt=%s v=%d cv=%d av=%d owner=%s len=%d kids=%d}",
		named(v.Zxid, czxid, "0x%x"), named(v.Zxid, mzxid, "0x%x"), named(v.Zxid, pzxid, "0x%x"),
		named(v.Time, ctime, "%d"), named(v.Time, mtime, "%d"),
		version, cversion, aversion, named(v.Session, owner, "0x%x"), length, children)
}

func (v View) acls(r *Reader) string {
	n := r.Int()
	if n == -1 {
		return "acl(null)"
	}
	var out []string
	for range n {
		if r.Err() != nil {
			break
		}
		out = append(out, fmt.Sprintf("%d:%s:%s", r.Int(), r.Str(), r.Str()))
	}
	if v.Unordered {
		slices.Sort(out)
	}
	return "acl" + fmt.Sprint(out)
}

func (v View) pairs(r *Reader) string {
	var out []string
	for range r.Int() {
		if r.Err() != nil {
			break
		}
		out = append(out, r.Str()+":"+r.Str())
	}
	slices.Sort(out) // no order is promised
	return fmt.Sprint(out)
}

func (v View) names(s []string) string {
	if v.Unordered {
		slices.Sort(s)
	}
	for i := range s {
		s[i] = quote(s[i])
	}
	return "[" + strings.Join(s, " ") + "]"
}

func (v View) multi(r *Reader) string {
	var out []string
	for r.Err() == nil {
		op, done, code := Op(r.Int()), r.Bool(), r.Int()
		if done {
			return fmt.Sprintf("[%s] end(%d,%d)", strings.Join(out, " | "), int32(op), code)
		}
		s := fmt.Sprintf("(%d,%d)", int32(op), code)
		switch {
		case op == OpError:
			s += fmt.Sprintf(" %d", r.Int())
		case code != 0:
			s += " !code-without-error-type"
		default:
			s = strings.TrimRight(s+" "+v.body(op, r), " ")
		}
		out = append(out, s)
	}
	return "[" + strings.Join(out, " | ") + "] no-end"
}

var eventNames = map[int32]string{1: "NodeCreated", 2: "NodeDeleted", 3: "NodeDataChanged", 4: "NodeChildrenChanged"}

// Event prints a watch notification.
func (v View) Event(p Packet) string {
	r := NewReader(p.Body)
	typ, state, path := r.Int(), r.Int(), r.Str()
	name, ok := eventNames[typ]
	if !ok {
		name = fmt.Sprintf("type%d", typ)
	}
	s := fmt.Sprintf("event %s %s zxid=%s", name, quote(path), named(v.Zxid, p.Zxid, "0x%x"))
	if state != 3 || p.Err != 0 {
		s += fmt.Sprintf(" !state=%d err=%d", state, p.Err)
	}
	return s + v.rest(r, false)
}

func quote(s string) string {
	for _, c := range s {
		if c <= ' ' || c > '~' || c == '"' {
			return fmt.Sprintf("%q", s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

func data(b []byte) string {
	const shown = 64
	switch {
	case b == nil:
		return "null"
	case len(b) > shown:
		return fmt.Sprintf("%q…%d", b[:shown], len(b))
	}
	return fmt.Sprintf("%q", b)
}
