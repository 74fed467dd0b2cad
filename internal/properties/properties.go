package properties

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// A Property is one key with its value as a properties text states them, after
// escapes and continuations are resolved and both are trimmed.
type Property struct {
	Key   string
	Value string
	Line  int // the first line of the logical line, from 1
	// Latin1 reports raw bytes outside ASCII in the value, which mean something
	// else in ISO 8859-1 than in the UTF-8 they probably are.
	Latin1 bool
}

// A SyntaxError is a place where a text is not in the syntax.
type SyntaxError struct {
	Line    int // from 1
	Problem string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return "properties: line " + strconv.Itoa(e.Line) + ": " + e.Problem
}

// Parse reads text the way java.util.Properties.load(InputStream) does. It
// returns every occurrence of a key in order; the caller lets the last one win,
// see LastOfEach. The only possible error is a *SyntaxError for a broken \uXXXX
// escape.
func Parse(text []byte) ([]Property, error) {
	var (
		props []Property
		r     = NewReader(text)
	)
	for {
		logical, line, ok := r.Next()
		if !ok {
			return props, nil
		}
		rawKey, rawValue := splitKeyValue(logical)
		key, keyOK := unescape(rawKey)
		value, valueOK := unescape(rawValue)
		if !keyOK || !valueOK {
			return nil, &SyntaxError{Line: line, Problem: `\u must be followed by four hexadecimal digits`}
		}
		props = append(props, Property{Key: Trim(key), Value: Trim(value), Line: line, Latin1: hasHighByte(rawValue)})
	}
}

// LastOfEach drops all but the last occurrence of each key, as Java's table does.
func LastOfEach(props []Property) []Property {
	last := make(map[string]int, len(props))
	for i, p := range props {
		last[p.Key] = i
	}
	kept := make([]Property, 0, len(last))
	for i, p := range props {
		if last[p.Key] == i {
			kept = append(kept, p)
		}
	}
	return kept
}

// Key returns the trimmed key of a logical line, and false for a broken escape.
func Key(logical []byte) (string, bool) {
	raw, _ := splitKeyValue(logical)
	key, ok := unescape(raw)
	return Trim(key), ok
}

// A Reader cuts a properties text into logical lines: blank and comment
// lines are gone, continuations are joined, escapes are still in place.
type Reader struct {
	text  []byte
	pos   int // of the next byte to read
	line  int // its line, from 1
	start int // where the logical line that was returned last begins
}

// NewReader returns a Reader of text, which it does not change.
func NewReader(text []byte) *Reader { return &Reader{text: text, line: 1} }

// Extent returns where in the text the logical line that Next returned last
// begins and ends, the end of its last line included.
func (r *Reader) Extent() (start, end int) { return r.start, r.pos }

// Next returns the next logical line and the number of its first natural line.
func (r *Reader) Next() (logical []byte, line int, ok bool) {
	for {
		r.skipBlanks()
		if r.pos >= len(r.text) {
			return nil, 0, false
		}
		switch c := r.text[r.pos]; {
		case isLineEnd(c):
			r.endLine()
		case c == '#' || c == '!':
			r.natural()
			r.endLine()
		default:
			line, r.start = r.line, r.pos
			if logical, ok = r.logical(); ok {
				return logical, line, true
			}
		}
	}
}

// logical joins the natural lines of one logical line. A line that ends in an
// odd number of backslashes goes on in the next one, whose leading blanks do
// not count; what follows is never a comment or a blank line. It returns false
// where Java starts afresh: after continuations that have brought nothing yet.
func (r *Reader) logical() (joined []byte, ok bool) {
	for {
		part := r.natural()
		continues := oddBackslashes(part)
		if continues {
			part = part[:len(part)-1]
		}
		joined = append(joined, part...)
		last := r.pos+1 >= len(r.text) // nothing after the first character of the line end
		r.endLine()
		if !continues || last {
			return joined, true
		}
		if len(joined) == 0 {
			return nil, false
		}
		r.skipBlanks()
	}
}

// natural consumes up to the end of the line, which it leaves unread.
func (r *Reader) natural() []byte {
	start := r.pos
	for r.pos < len(r.text) && !isLineEnd(r.text[r.pos]) {
		r.pos++
	}
	return r.text[start:r.pos]
}

// endLine consumes one line end: \n, \r or \r\n.
func (r *Reader) endLine() {
	if r.pos >= len(r.text) {
		return
	}
	if r.text[r.pos] == '\r' && r.pos+1 < len(r.text) && r.text[r.pos+1] == '\n' {
		r.pos++
	}
	r.pos++
	r.line++
}

func (r *Reader) skipBlanks() {
	for r.pos < len(r.text) && isBlank(r.text[r.pos]) {
		r.pos++
	}
}

func isLineEnd(c byte) bool { return c == '\n' || c == '\r' }
func isBlank(c byte) bool   { return c == ' ' || c == '\t' || c == '\f' }

// oddBackslashes reports whether the last backslash of line is not itself
// escaped.
func oddBackslashes(line []byte) bool {
	n := 0
	for n < len(line) && line[len(line)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// splitKeyValue cuts a logical line at the first unescaped '=', ':' or blank.
// Blanks around one '=' or ':' belong to the separator.
func splitKeyValue(line []byte) (key, value []byte) {
	end := keyEnd(line)
	rest := end
	for rest < len(line) && isBlank(line[rest]) {
		rest++
	}
	if rest < len(line) && (line[rest] == '=' || line[rest] == ':') {
		rest++
		for rest < len(line) && isBlank(line[rest]) {
			rest++
		}
	}
	return line[:end], line[rest:]
}

func keyEnd(line []byte) int {
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case c == '=' || c == ':' || isBlank(c):
			return i
		}
	}
	return len(line)
}

// unescape resolves \t \n \r \f and \uXXXX; a backslash before anything else is
// dropped. It returns false for a broken \uXXXX. Escapes name UTF-16 units, so
// that a pair of them can be one character.
func unescape(raw []byte) (string, bool) {
	units := make([]uint16, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			units = append(units, uint16(c))
			continue
		}
		i++
		if i == len(raw) {
			break
		}
		switch raw[i] {
		case 'u':
			unit, ok := hexUnit(raw[i+1:])
			if !ok {
				return "", false
			}
			units = append(units, unit)
			i += 4
		case 't':
			units = append(units, '\t')
		case 'n':
			units = append(units, '\n')
		case 'r':
			units = append(units, '\r')
		case 'f':
			units = append(units, '\f')
		default:
			units = append(units, uint16(raw[i]))
		}
	}
	return string(utf16.Decode(units)), true
}

func hexUnit(raw []byte) (uint16, bool) {
	if len(raw) < 4 {
		return 0, false
	}
	var unit uint16
	for _, c := range raw[:4] {
		digit := strings.IndexByte("0123456789abcdef", lowerASCII(c))
		if digit < 0 {
			return 0, false
		}
		unit = unit<<4 | uint16(digit)
	}
	return unit, true
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func hasHighByte(raw []byte) bool {
	for _, c := range raw {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// Trim is Java's String.trim: everything up to U+0020 goes at both ends.
func Trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}
