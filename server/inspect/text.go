package inspect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// timeLayout shows milliseconds, which is what a transaction holds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// openACL is what most nodes have; a line of text leaves it out.
var openACL = []string{"world:anyone:rwcda"}

// Append appends the entry as one line of text, without its newline.
func (e *Entry) Append(b []byte) []byte {
	b = fmt.Appendf(b, "%s %s session %s cxid %d ", e.Zxid, e.Time.Format(timeLayout), e.Session, *e.Cxid)
	b = e.appendOp(b)
	if e.Digest != "" {
		b = fmt.Appendf(b, " digest %s", e.Digest)
	}
	return b
}

func (e *Entry) appendOp(b []byte) []byte {
	b = append(b, e.Op...)
	if e.Path != "" {
		b = append(b, ' ')
		b = appendWord(b, e.Path)
	}
	if e.Owner != "" {
		b = fmt.Appendf(b, " %s", e.Owner)
	}
	if e.TTL != 0 {
		b = fmt.Appendf(b, " %d ms", e.TTL)
	}
	if e.Version != nil {
		b = fmt.Appendf(b, " version %d", *e.Version)
	}
	if e.Timeout != 0 {
		b = fmt.Appendf(b, " timeout %d ms", e.Timeout)
	}
	if e.ACL != nil && !slices.Equal(e.ACL, openACL) {
		b = fmt.Appendf(b, " acl %s", strings.Join(e.ACL, ","))
	}
	b = e.appendData(b)
	for _, p := range e.Paths {
		b = append(b, " -"...)
		b = appendWord(b, p)
	}
	if e.Err != "" {
		b = fmt.Appendf(b, " %d %s", e.Code, e.Err)
	}
	return e.appendSubs(b)
}

func (e *Entry) appendData(b []byte) []byte {
	if e.DataBytes == nil {
		return b
	}
	b = fmt.Appendf(b, " data %d", *e.DataBytes)
	if len(e.Data) > 0 {
		b = strconv.AppendQuote(append(b, ' '), string(e.Data))
	}
	if len(e.Data) < *e.DataBytes {
		b = append(b, "..."...)
	}
	return b
}

func (e *Entry) appendSubs(b []byte) []byte {
	for i := range e.Ops {
		if i == 0 {
			b = append(b, " ["...)
		} else {
			b = append(b, "; "...)
		}
		b = e.Ops[i].appendOp(b)
	}
	if len(e.Ops) > 0 {
		b = append(b, ']')
	}
	return b
}

// appendWord appends a path, quoted if it would not stay one word on one line.
func appendWord(b []byte, s string) []byte {
	if q := strconv.Quote(s); len(q) != len(s)+2 || strings.ContainsAny(s, " ;]") {
		return append(b, q...)
	}
	return append(b, s...)
}
