package wire

import "unicode/utf8"

// replaceMalformed returns s with U+FFFD for every malformed piece of UTF-8, in
// the same places and number as Java's decoder makes them, because the result
// can travel back to a client (sync echoes its path) or be stored (an id in an
// ACL): a surrogate written as three bytes, as Java clients do for characters
// beyond the basic plane, is one piece; a sequence that is cut short is one; any
// other byte that cannot start or continue a character is one by itself.
func replaceMalformed(s []byte) string {
	const replacement = "\uFFFD"
	out := make([]byte, 0, len(s)+len(replacement))
	for len(s) > 0 {
		if _, n := utf8.DecodeRune(s); n > 1 || s[0] < utf8.RuneSelf {
			out = append(out, s[:n]...)
			s = s[n:]
			continue
		}
		out = append(out, replacement...)
		s = s[malformedLen(s):]
	}
	return string(out)
}

// malformedLen is the length of the malformed piece at the start of s.
func malformedLen(s []byte) int {
	if len(s) >= 3 && s[0] == 0xed && isContinuation(s[1]) && isContinuation(s[2]) {
		return 3 // a surrogate: whatever else begins so is a character
	}
	need, ok := sequenceLen(s)
	if !ok {
		return 1
	}
	n := 2
	for n < need && n < len(s) && isContinuation(s[n]) {
		n++
	}
	return n
}

// sequenceLen returns how long the sequence that s starts with should be, and
// whether its first two bytes may stand together.
func sequenceLen(s []byte) (n int, ok bool) {
	if len(s) < 2 || !isContinuation(s[1]) {
		return 0, false
	}
	switch a, b := s[0], s[1]; {
	case a >= 0xe0 && a <= 0xef:
		return 3, a != 0xe0 || b >= 0xa0
	case a >= 0xf0 && a <= 0xf4:
		return 4, (a != 0xf0 || b >= 0x90) && (a != 0xf4 || b <= 0x8f)
	}
	return 0, false
}

func isContinuation(b byte) bool { return b&0xc0 == 0x80 }
