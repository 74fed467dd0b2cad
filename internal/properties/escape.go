package properties

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// Escape returns what stands for a value in the syntax, in ASCII. Blanks around the
// value are lost when it is read, since both are trimmed.
func Escape(value string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(value)) {
		switch {
		case u == '\\':
			b.WriteString(`\\`)
		case u < ' ' || u > '~':
			fmt.Fprintf(&b, `\u%04x`, u)
		default:
			b.WriteByte(byte(u))
		}
	}
	return b.String()
}
