package auth

import "strings"

// A jaasKind is what a token is: a word, a quoted text, the end, or else the
// character itself.
type jaasKind rune

const (
	jaasEnd jaasKind = -1 - iota
	jaasWord
	jaasQuoted
	jaasBad // a text without its closing quote, a comment without its end
)

type jaasToken struct {
	kind jaasKind
	text string
	line int
}

// String describes the token without its text, which may be a password.
func (t jaasToken) String() string {
	switch t.kind {
	case jaasEnd:
		return "the end of the file"
	case jaasWord:
		return "a word"
	case jaasQuoted:
		return "a quoted text"
	case jaasBad:
		return t.text
	}
	return string(rune(t.kind))
}

type jaasScanner struct {
	rest string
	line int
}

const jaasPunctuation = "{};="

func (s *jaasScanner) token() jaasToken {
	if unclosed := s.skipBlank(); unclosed {
		return s.make(jaasBad, "a comment without its end")
	}
	if s.rest == "" {
		return s.make(jaasEnd, "")
	}
	c := s.rest[0]
	switch {
	case strings.IndexByte(jaasPunctuation, c) >= 0:
		s.rest = s.rest[1:]
		return s.make(jaasKind(c), "")
	case c == '"':
		return s.quoted()
	}
	end := strings.IndexAny(s.rest, jaasPunctuation+"\" \t\r\n")
	if end < 0 {
		end = len(s.rest)
	}
	word := s.rest[:end]
	s.rest = s.rest[end:]
	return s.make(jaasWord, word)
}

func (s *jaasScanner) make(kind jaasKind, text string) jaasToken {
	return jaasToken{kind: kind, text: text, line: s.line}
}

// skipBlank skips white space and comments.
func (s *jaasScanner) skipBlank() (unclosed bool) {
	for {
		trimmed := strings.TrimLeft(s.rest, " \t\r\n")
		s.skip(len(s.rest) - len(trimmed))
		switch {
		case strings.HasPrefix(s.rest, "//"), strings.HasPrefix(s.rest, "#"):
			end := strings.IndexByte(s.rest, '\n')
			if end < 0 {
				end = len(s.rest)
			}
			s.skip(end)
		case strings.HasPrefix(s.rest, "/*"):
			end := strings.Index(s.rest[2:], "*/")
			if end < 0 {
				s.rest = ""
				return true
			}
			s.skip(end + 4)
		default:
			return false
		}
	}
}

func (s *jaasScanner) skip(n int) {
	s.line += strings.Count(s.rest[:n], "\n")
	s.rest = s.rest[n:]
}

// quoted reads a text between quotes on one line. A backslash makes the usual
// control characters of n, r and t, and stands for nothing before any other.
func (s *jaasScanner) quoted() jaasToken {
	var b []byte
	for i := 1; i < len(s.rest) && s.rest[i] != '\n'; i++ {
		c := s.rest[i]
		if c == '"' {
			t := s.make(jaasQuoted, string(b))
			s.skip(i + 1)
			return t
		}
		if c == '\\' && i+1 < len(s.rest) {
			i++
			c = unescape(s.rest[i])
		}
		b = append(b, c)
	}
	s.rest = ""
	return s.make(jaasBad, "a text without its closing quote")
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
