package zoocfg

import (
	"strings"
	"unicode/utf16"
)

// maxFileBytes bounds a configuration file. A zoo.cfg of a hundred servers takes
// about 10 KB; a larger file than this is a wrong path, not a configuration.
const maxFileBytes = 1 << 20

// A property is one key with its value as a properties file states them, after
// escapes and continuations are resolved and both are trimmed.
type property struct {
	key   string
	value string
	line  int // the first line of the logical line, from 1
	// latin1 reports raw bytes outside ASCII in the value, which mean something
	// else in ISO 8859-1 than in the UTF-8 they probably are.
	latin1 bool
}

// parseProperties reads text the way java.util.Properties.load(InputStream)
// does. It returns every occurrence of a key in order; the caller lets the last
// one win. The only possible error is a *SyntaxError for a broken \uXXXX escape.
//
// Bytes are ISO 8859-1 characters, as in Java: a file with UTF-8 text outside
// ASCII means what ZooKeeper makes of it, so that both open the same files.
func parseProperties(file string, text []byte) ([]property, error) {
	var (
		props []property
		r     = lineReader{text: text, line: 1}
	)
	for {
		logical, line, ok := r.next()
		if !ok {
			return props, nil
		}
		rawKey, rawValue := splitKeyValue(logical)
		key, keyOK := unescape(rawKey)
		value, valueOK := unescape(rawValue)
		if !keyOK || !valueOK {
			return nil, &SyntaxError{File: file, Line: line, Problem: `\u must be followed by four hexadecimal digits`}
		}
		props = append(props, property{key: javaTrim(key), value: javaTrim(value), line: line, latin1: hasHighByte(rawValue)})
	}
}

// A lineReader cuts a properties text into logical lines: blank and comment
// lines are gone, continuations are joined, escapes are still in place.
type lineReader struct {
	text  []byte
	pos   int // of the next byte to read
	line  int // its line, from 1
	start int // where the logical line that was returned last begins
}

// next returns the next logical line and the number of its first natural line.
func (r *lineReader) next() (logical []byte, line int, ok bool) {
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
func (r *lineReader) logical() (joined []byte, ok bool) {
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
func (r *lineReader) natural() []byte {
	start := r.pos
	for r.pos < len(r.text) && !isLineEnd(r.text[r.pos]) {
		r.pos++
	}
	return r.text[start:r.pos]
}

// endLine consumes one line end: \n, \r or \r\n.
func (r *lineReader) endLine() {
	if r.pos >= len(r.text) {
		return
	}
	if r.text[r.pos] == '\r' && r.pos+1 < len(r.text) && r.text[r.pos+1] == '\n' {
		r.pos++
	}
	r.pos++
	r.line++
}

func (r *lineReader) skipBlanks() {
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

// javaTrim is String.trim: everything up to U+0020 goes at both ends.
func javaTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}
