package tlsconf

import (
	"encoding/asn1"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// A certificate's subject comes from a client.
func FuzzRenderName(f *testing.F) {
	for _, seed := range []string{"3000", "30023100", "301d301b0603550403", "3010310e300c0607883790808080000c0176", "300d310b300906035504030c02c328"} {
		der, _ := hex.DecodeString(seed)
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		name, err := RenderName(der)
		if err != nil {
			return
		}
		if !utf8.ValidString(name) {
			t.Fatalf("%x renders to invalid UTF-8", der)
		}
		if len(name) > 16*len(der)+16 {
			t.Fatalf("%d bytes render to %d", len(der), len(name))
		}
	})
}

// What is rendered must be a valid ACL id again, or nobody could use it in one.
func FuzzRenderedNameIsValid(f *testing.F) {
	f.Add("zk client", " a+b,c ", "#x")
	f.Add("", strings.Repeat("x", 100), "") // lengths of two bytes
	f.Fuzz(func(t *testing.T, cn, o, ou string) {
		if len(cn)+len(o)+len(ou) > 100 || !utf8.ValidString(cn+o+ou) {
			return
		}
		name, err := RenderName(derName(cn, o, ou))
		if err != nil {
			t.Fatal(err)
		}
		// Java refuses its own rendering where two backslashes precede a
		// separator; see escapedAt.
		if !ValidName(name) && !hasBackslash(cn+o+ou) {
			t.Fatalf("%q is rendered and not valid", name)
		}
	})
}

func hasBackslash(s string) bool {
	for _, r := range s {
		if r == '\\' || r == '"' || r == 0 || r == '\r' {
			return true
		}
	}
	return false
}

// derName encodes CN, O and OU as UTF8Strings.
func derName(cn, o, ou string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, a := range []struct {
			arc  int
			text string
		}{{3, cn}, {10, o}, {11, ou}} {
			b.AddASN1(cryptobyteasn1.SET, func(b *cryptobyte.Builder) {
				b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{2, 5, 4, a.arc})
					b.AddASN1(cryptobyteasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(a.text)) })
				})
			})
		}
	})
	return b.BytesOrPanic()
}

// An ACL id comes from a client.
func FuzzValidName(f *testing.F) {
	for _, seed := range []string{"", "CN=a", "CN=\"a,b\"+OU=\\41;1.2=#0500", "CN=#308004000000", "oid.1.2.3=x\\,y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if ValidName(text) && text != "" && !ValidName(text+",CN=x") {
			// A valid name stays one with another RDN, unless its end escapes or
			// quotes the separator.
			for _, r := range text {
				if r == '\\' || r == '"' {
					return
				}
			}
			t.Fatalf("%q is valid, and with an RDN more it is not", text)
		}
	})
}

func FuzzJKS(f *testing.F) {
	e := issue(f, nil, "x")
	data := jksStore(f, e, nil, "pw")
	f.Add(data)
	f.Add(data[:100])
	f.Fuzz(func(t *testing.T, data []byte) {
		st := &store{data: data, password: "pw", format: "JKS"}
		_, _ = jksKeys(st)
		_, _ = jksTrust(st)
	})
}

func FuzzPEM(f *testing.F) {
	e := issue(f, nil, "x")
	f.Add(pemStore(f, e, ""))
	f.Add(pemCerts(e.cert, e.cert))
	f.Fuzz(func(t *testing.T, data []byte) {
		st := &store{data: data, format: "PEM"}
		_, _ = pemKeys(st)
		_, _ = pemTrust(st)
	})
}

func BenchmarkSubjectName(b *testing.B) {
	cert := issue(b, nil, "client").cert
	b.ReportAllocs()
	for b.Loop() {
		if _, err := SubjectName(cert); err != nil {
			b.Fatal(err)
		}
	}
}
