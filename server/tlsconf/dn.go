package tlsconf

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// SubjectName renders the subject of a certificate the way Java's
// X500Principal.getName() does: the id that ZooKeeper gives a client with that
// certificate, and that ACLs of scheme x509 hold literally.
func SubjectName(cert *x509.Certificate) (string, error) {
	name, err := RenderName(cert.RawSubject)
	if err != nil {
		return "", fmt.Errorf("tlsconf: subject of certificate %s: %w", cert.SerialNumber, err)
	}
	return name, nil
}

var errName = errors.New("not a distinguished name in DER")

// RenderName renders a distinguished name in DER as RFC 2253 text in Java's
// manner.
//
//	Name  ::= SEQUENCE OF RelativeDistinguishedName    last one first, joined by ','
//	RDN   ::= SET OF AttributeTypeAndValue             as encoded, joined by '+'
//	AVA   ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }
//
// Nine types have keywords; a value of any other type, or one that is no
// character string, is '#' and the hexadecimal DER of the value. The content of
// every character string is taken as UTF-8, whatever its type says.
func RenderName(der []byte) (string, error) {
	input := cryptobyte.String(der)
	var rdns cryptobyte.String
	if !input.ReadASN1(&rdns, cryptobyteasn1.SEQUENCE) || !input.Empty() {
		return "", errName
	}
	var rendered []string
	for !rdns.Empty() {
		var set cryptobyte.String
		if !rdns.ReadASN1(&set, cryptobyteasn1.SET) {
			return "", errName
		}
		rdn, err := renderRDN(set)
		if err != nil {
			return "", err
		}
		rendered = append(rendered, rdn)
	}
	var out strings.Builder
	for i := len(rendered) - 1; i >= 0; i-- {
		out.WriteString(rendered[i])
		if i > 0 {
			out.WriteByte(',')
		}
	}
	return out.String(), nil
}

func renderRDN(set cryptobyte.String) (string, error) {
	var out strings.Builder
	for first := true; first || !set.Empty(); first = false {
		var ava, element cryptobyte.String
		var rawOID cryptobyte.String
		var oid x509.OID // which, unlike asn1.ObjectIdentifier, has no largest number
		var tag cryptobyteasn1.Tag
		if set.Empty() && first {
			return "", nil
		}
		if !set.ReadASN1(&ava, cryptobyteasn1.SEQUENCE) || !ava.ReadASN1(&rawOID, cryptobyteasn1.OBJECT_IDENTIFIER) ||
			oid.UnmarshalBinary(rawOID) != nil || !ava.ReadAnyASN1Element(&element, &tag) || !ava.Empty() {
			return "", errName
		}
		if !first {
			out.WriteByte('+')
		}
		if err := renderAVA(&out, oid, element, tag); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

func renderAVA(out *strings.Builder, oid x509.OID, element cryptobyte.String, tag cryptobyteasn1.Tag) error {
	keyword, known := keywordOf(oid)
	out.WriteString(keyword)
	out.WriteByte('=')
	if !known || !isCharacterString(tag) {
		out.WriteByte('#')
		out.WriteString(hex.EncodeToString(element))
		return nil
	}
	var content cryptobyte.String
	if !element.ReadASN1(&content, tag) {
		return errName
	}
	writeEscaped(out, javaUTF8(content))
	return nil
}

// keywordOf names an attribute type, and returns false for one without a keyword
// in RFC 2253.
func keywordOf(oid x509.OID) (string, bool) {
	dotted := oid.String()
	switch dotted {
	case "2.5.4.3":
		return "CN", true
	case "2.5.4.6":
		return "C", true
	case "2.5.4.7":
		return "L", true
	case "2.5.4.8":
		return "ST", true
	case "2.5.4.9":
		return "STREET", true
	case "2.5.4.10":
		return "O", true
	case "2.5.4.11":
		return "OU", true
	case "0.9.2342.19200300.100.1.25":
		return "DC", true
	case "0.9.2342.19200300.100.1.1":
		return "UID", true
	default:
		return dotted, false
	}
}

func isCharacterString(tag cryptobyteasn1.Tag) bool {
	switch tag {
	case cryptobyteasn1.UTF8String, cryptobyteasn1.PrintableString, cryptobyteasn1.T61String, cryptobyteasn1.IA5String,
		cryptobyteasn1.GeneralString, tagBMPString:
		return true
	default:
		return false
	}
}

const tagBMPString = cryptobyteasn1.Tag(30)

// writeEscaped writes a value: a backslash before each of ,=+<>#;"\ and before
// blanks and carriage returns at both ends, \00 for NUL.
func writeEscaped(out *strings.Builder, value string) {
	lead := len(value) - len(strings.TrimLeft(value, " \r"))
	trail := len(strings.TrimRight(value, " \r"))
	for i, r := range value {
		switch {
		case i < lead || i >= trail || strings.ContainsRune(`,=+<>#;"\`, r):
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == 0:
			out.WriteString(`\00`)
		default:
			out.WriteRune(r)
		}
	}
}

// javaUTF8 decodes bytes as Java does: U+FFFD stands for each longest part that
// begins a character and does not complete it, for each byte that begins none,
// and for a whole encoded surrogate.
func javaUTF8(content []byte) string {
	if utf8.Valid(content) {
		return string(content)
	}
	var out strings.Builder
	for len(content) > 0 {
		n := sequenceLen(content)
		if utf8.Valid(content[:n]) {
			out.Write(content[:n])
		} else {
			out.WriteRune(utf8.RuneError)
		}
		content = content[n:]
	}
	return out.String()
}

// sequenceLen counts the bytes at the start that belong to one character, whole
// or not.
func sequenceLen(content []byte) int {
	lead, full := content[0], 1
	switch {
	case 0xc2 <= lead && lead <= 0xdf:
		full = 2
	case 0xe0 <= lead && lead <= 0xef:
		full = 3
	case 0xf0 <= lead && lead <= 0xf4:
		full = 4
	}
	n := 1
	for n < full && n < len(content) && continues(lead, n, content[n]) {
		n++
	}
	return n
}

// continues reports whether b may be byte n of a character with that lead. The
// second byte of three leads is bounded, so that there is one encoding of each
// character.
func continues(lead byte, n int, b byte) bool {
	low, high := byte(0x80), byte(0xbf)
	if n == 1 {
		switch lead {
		case 0xe0:
			low = 0xa0
		case 0xf0:
			low = 0x90
		case 0xf4:
			high = 0x8f
		}
	}
	return low <= b && b <= high
}
