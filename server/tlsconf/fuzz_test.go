package tlsconf

import (
	"encoding/hex"
	"testing"
	"unicode/utf8"
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

// derName encodes CN, O and OU as UTF8Strings of at most 100 bytes.
func derName(cn, o, ou string) []byte {
	tlv := func(tag byte, content ...byte) []byte {
		if len(content) < 128 {
			return append([]byte{tag, byte(len(content))}, content...)
		}
		return append([]byte{tag, 0x82, byte(len(content) >> 8), byte(len(content))}, content...)
	}
	var rdns []byte
	for _, a := range []struct {
		arc  byte
		text string
	}{{3, cn}, {10, o}, {11, ou}} {
		oid := []byte{6, 3, 0x55, 4, a.arc}
		rdns = append(rdns, tlv(0x31, tlv(0x30, append(oid, tlv(12, []byte(a.text)...)...)...)...)...)
	}
	return tlv(0x30, rdns...)
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
