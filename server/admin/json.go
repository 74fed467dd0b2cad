package admin

import (
	"strconv"
	"unicode/utf8"

	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/wire"
)

// An object is a JSON object whose keys keep their order. ZooKeeper's answers
// have one, and encoding/json would sort a map's and cannot lay them out alike.
type object []field

type field struct {
	key   string
	value any // nil, bool, string, a number, object or list
}

// A list is a JSON array.
type list []any

// has reports whether the object has the key.
func (o object) has(key string) bool {
	for _, f := range o {
		if f.key == key {
			return true
		}
	}
	return false
}

// appendJSON appends v as ZooKeeper's Jackson prints it: objects one key a line,
// indented by two blanks for each object around them, lists on one line, no line
// end behind the last brace.
func appendJSON(b []byte, v any, depth int) []byte {
	switch v := v.(type) {
	case object:
		return appendObject(b, v, depth)
	case list:
		return appendList(b, v, depth)
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int32:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case wire.Zxid:
		return strconv.AppendInt(b, int64(v), 10)
	case wire.SessionID:
		return strconv.AppendInt(b, int64(v), 10)
	case wire.SID:
		return strconv.AppendInt(b, int64(v), 10)
	case metrics.Value:
		return append(b, v.JSON()...)
	default:
		return append(b, "null"...)
	}
}

func appendObject(b []byte, o object, depth int) []byte {
	if len(o) == 0 {
		return append(b, "{ }"...)
	}
	b = append(b, '{')
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLine(b, depth+1)
		b = appendString(b, f.key)
		b = append(b, " : "...)
		b = appendJSON(b, f.value, depth+1)
	}
	b = appendLine(b, depth)
	return append(b, '}')
}

func appendLine(b []byte, depth int) []byte {
	b = append(b, '\n')
	for range depth {
		b = append(b, "  "...)
	}
	return b
}

func appendList(b []byte, l list, depth int) []byte {
	b = append(b, '[')
	for i, v := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, ' ')
		b = appendJSON(b, v, depth)
	}
	return append(b, " ]"...)
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		b = appendRune(b, r)
	}
	return append(b, '"')
}

func appendRune(b []byte, r rune) []byte {
	const hex = "0123456789ABCDEF"
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\b':
		return append(b, `\b`...)
	case '\t':
		return append(b, `\t`...)
	case '\n':
		return append(b, `\n`...)
	case '\f':
		return append(b, `\f`...)
	case '\r':
		return append(b, `\r`...)
	}
	if r < ' ' {
		return append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
	}
	return utf8.AppendRune(b, r) // an invalid byte has become U+FFFD
}
