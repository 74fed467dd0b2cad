package tlsconf

import (
	"strconv"
	"strings"
)

// ValidName reports whether an ACL id of scheme x509 is valid: whether Java's
// X500Principal(String) takes it as a distinguished name. That grammar is RFC
// 2253 with relics of RFC 1779: ',' or ';' between RDNs, '+' within one, values
// in quotes, '#' and hexadecimal DER, or escaped; keywords in any case, or OIDs
// with or without "OID.". The empty text is the empty name.
//
// The text is cut before values are looked at, as Java does it: at separators
// that no backslash precedes and that do not follow exactly one quote since the
// last cut. Its way of telling what is escaped is kept, oddities included (JDK
// 17), because ACLs were accepted or refused by it.
func ValidName(text string) bool {
	if text == "" {
		return true
	}
	quotes, rdn, from := 0, 0, 0
	for i := 0; i < len(text); i++ {
		if text[i] != ',' && text[i] != ';' {
			continue
		}
		quotes += countQuotes(text[from:i])
		if quotes != 1 && !escapedAt(text, i, from) {
			if !validRDN(text[rdn:i]) {
				return false
			}
			rdn, quotes = i+1, 0
		}
		from = i + 1
	}
	return validRDN(text[rdn:])
}

// countQuotes counts the quotes that no backslash precedes. As in Java, that
// backslash may itself be escaped.
func countQuotes(text string) int {
	n := 0
	for i := 0; i < len(text); i++ {
		if text[i] == '"' && (i == 0 || text[i-1] != '\\') {
			n++
		}
	}
	return n
}

// escapedAt reports whether Java takes the separator at i for escaped: after a
// single backslash, or after several if their number since from is odd, be they
// next to each other or not.
func escapedAt(text string, i, from int) bool {
	switch {
	case i == 0 || text[i-1] != '\\':
		return false
	case i == 1 || text[i-2] != '\\':
		return true
	default:
		return strings.Count(text[from:i], `\`)%2 == 1
	}
}

func validRDN(text string) bool {
	quotes, ava, from := 0, 0, 0
	for i := 0; i < len(text); i++ {
		if text[i] != '+' {
			continue
		}
		quotes += countQuotes(text[from:i])
		if i > 0 && text[i-1] != '\\' && quotes != 1 {
			if !validAVA(text[ava:i]) {
				return false
			}
			ava, quotes = i+1, 0
		}
		from = i + 1
	}
	return validAVA(text[ava:])
}

// validAVA checks type=value. Blanks and line feeds before the value do not
// count.
func validAVA(text string) bool {
	keyword, value, ok := strings.Cut(text, "=")
	if !ok || !validKeyword(keyword) {
		return false
	}
	value = strings.TrimLeft(value, " \n")
	switch {
	case value == "":
		return true
	case value[0] == '#':
		return validHex(value[1:])
	case value[0] == '"':
		return validQuoted(value[1:])
	default:
		return validPlain(value)
	}
}

func validKeyword(text string) bool {
	keyword := strings.TrimFunc(strings.ToUpper(text), func(r rune) bool { return r <= ' ' })
	switch keyword {
	case "CN", "C", "L", "S", "ST", "O", "OU", "T", "IP", "STREET", "DC", "DNQUALIFIER", "DNQ", "SURNAME", "GIVENNAME",
		"INITIALS", "GENERATION", "EMAIL", "EMAILADDRESS", "UID", "SERIALNUMBER":
		return true
	}
	return validOID(strings.TrimPrefix(keyword, "OID."))
}

// validOID checks dotted numbers: at least two, the first at most 2, the second
// at most 39 below the arcs 0 and 1.
func validOID(text string) bool {
	if text == "" || text[0] < '0' || text[0] > '9' || len(text) > maxOID {
		return false
	}
	parts := strings.Split(text, ".")
	if len(parts) < 2 {
		return false
	}
	for _, part := range parts {
		if !isNumber(strings.TrimPrefix(part, "+")) {
			return false
		}
	}
	first, err := strconv.Atoi(parts[0])
	if err != nil || first > 2 {
		return false
	}
	second, err := strconv.ParseUint(parts[1], 10, 64)
	return first == 2 || err == nil && second <= 39
}

// maxOID bounds the text of an OID; Java bounds its encoding.
const maxOID = 4096

func isNumber(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// isTerminator reports characters at which Java stops reading a value without
// looking at the rest. They get here only where quotes confused the cutting.
func isTerminator(c byte) bool { return c == ',' || c == '+' || c == ';' }

// validHex checks hexadecimal digits that are one DER element.
func validHex(text string) bool {
	var der []byte
	for len(text) > 0 && !isTerminator(text[0]) {
		if len(text) < 2 || !isHex(text[0]) || !isHex(text[1]) {
			return false
		}
		b, _ := strconv.ParseUint(text[:2], 16, 8)
		der = append(der, byte(b))
		text = text[2:]
	}
	return validElement(der)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// validElement checks that ber is one element and nothing more: a tag of one
// byte, a length of at most four, and that many bytes; or an element of
// indefinite length, whose elements go to the end of ber.
func validElement(ber []byte) bool {
	if len(ber) < 2 {
		return false
	}
	if ber[1] == indefinite {
		return validIndefinite(ber)
	}
	n, ok := definiteLen(ber)
	return ok && n == len(ber)
}

// indefinite is the length byte of an element that ends with two zero bytes.
const indefinite = 0x80

// validIndefinite walks an element of indefinite length and those in it.
// Elements of definite length are not looked into.
func validIndefinite(ber []byte) bool {
	for depth := 0; ; {
		switch {
		case len(ber) < 2:
			return false
		case ber[0] == 0 && ber[1] == 0 && depth > 0:
			depth--
			ber = ber[2:]
		case ber[1] == indefinite:
			if ber[0]&0x20 == 0 || longTag(ber[0]) {
				return false
			}
			depth++
			ber = ber[2:]
		default:
			n, ok := definiteLen(ber)
			if !ok {
				return false
			}
			ber = ber[n:]
		}
		if depth == 0 {
			return len(ber) == 0
		}
	}
}

// longTag reports the first byte of a tag of several bytes.
func longTag(b byte) bool { return b&0x1f == 0x1f }

// definiteLen returns the length of the element at the start of ber, tag and
// length included. It returns false if the length is malformed or too long.
func definiteLen(ber []byte) (int, bool) {
	header, length := 2, uint64(ber[1])
	if longTag(ber[0]) {
		return 0, false
	}
	if length >= 0x80 {
		n := int(length & 0x7f)
		if n == 0 || n > 4 || 2+n > len(ber) {
			return 0, false
		}
		length = 0
		for _, b := range ber[2 : 2+n] {
			length = length<<8 | uint64(b)
		}
		header += n
	}
	if length > uint64(len(ber)-header) {
		return 0, false
	}
	return header + int(length), true
}

// escapable are the characters that may follow a backslash, besides two
// hexadecimal digits.
const escapable = ",=\n+<>#;\\\" "

// validQuoted checks a value after its opening quote: escapes, the closing
// quote, and nothing but blanks and line feeds behind it.
func validQuoted(text string) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return strings.Trim(text[i+1:], " \n") == ""
		case '\\':
			n := escapeLen(text[i+1:])
			if n == 0 {
				return false
			}
			i += n
		}
	}
	return false
}

// validPlain checks an unquoted value: special characters must be escaped.
func validPlain(text string) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			n := escapeLen(text[i+1:])
			if n == 0 {
				return false
			}
			i += n
		case i > 0 && isTerminator(c):
			return true
		case strings.IndexByte(`,+<>;"`, c) >= 0:
			return false
		}
	}
	return true
}

// escapeLen returns how many bytes after a backslash belong to it, 0 if it is
// malformed.
func escapeLen(rest string) int {
	switch {
	case rest == "":
		return 0
	case isHex(rest[0]):
		if len(rest) > 1 && isHex(rest[1]) {
			return 2
		}
		return 0
	case strings.IndexByte(escapable, rest[0]) >= 0:
		return 1
	default:
		return 0
	}
}
