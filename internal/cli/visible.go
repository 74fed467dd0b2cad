package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ownColours are the codes that paint writes, and nothing else that a terminal obeys may
// pass.
var ownColours = []string{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1;34m"}

// visible is a text for a terminal. Data and names are anybody's, and a terminal obeys
// what it is sent: it would clear the screen, show another title, or type. What does not
// print is shown as Go and JSON write it, but for the ends of lines, tabs and the own colours.
func visible(s string) string {
	if !strings.ContainsFunc(s, hidden) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if n := ownColour(s); n > 0 {
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r) // as JSON has it, too; none is beyond
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// hidden reports whether a terminal would not show a character but do something, such as
// to turn the direction of what follows.
func hidden(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// ownColour is how long a colour at the beginning of s is, 0 if there is none.
func ownColour(s string) int {
	for _, c := range ownColours {
		if strings.HasPrefix(s, c) {
			return len(c)
		}
	}
	return 0
}
