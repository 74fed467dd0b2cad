package auth

import (
	"net/netip"
	"strings"
	"testing"
)

func TestValidIPEntry(t *testing.T) {
	for entry, want := range map[string]bool{
		"1.2.3.4": true, "0.0.0.0/0": true, "255.255.255.255/32": true, "010.0.0.1": true, "1.2.3.4/08": true,
		"": false, "1": false, "1.2.3": false, "1.2.3.": false, "1.2.3.4.5": false, "1.2.3.4.": false, "1..3.4": false,
		"256.1.1.1": false, "-1.1.1.1": false, "+1.1.1.1": false, "a.b.c.d": false, "1.2.3.4/": false, "1.2.3.4/33": false,
		"1.2.3.4/-1": false, "1.2.3.4/8/8": false, "1.2.3.99999999999999999999": false, " 1.2.3.4": false,
		"::": true, "::1": true, "1::": true, "1:2:3:4:5:6:7:8": true, "fe80::1/64": true, "::/0": true, "::/128": true,
		"ABCD:abcd::": true, "1:2:3:4:5:6:7::": true, "::2:3:4:5:6:7:8": true,
		":": false, ":::": false, "1:2:3:4:5:6:7": false, "1:2:3:4:5:6:7:8:9": false, "1:2:3:4::5:6:7:8": false,
		"1::2::3": false, "12345::": false, "g::": false, "::1:": false, ":1::": false, "::1.2.3.4": false, "::/129": false,
		"::/": false, "fe80::1%eth0": false, "1:2:3:4:5:6:7:": false,
	} {
		if got := validIPEntry(entry); got != want {
			t.Errorf("%q: %v", entry, got)
		}
	}
}

func TestMatchIP(t *testing.T) {
	for _, c := range []struct {
		id, entry string
		want      bool
	}{
		{"10.1.2.3", "10.1.2.3", true},
		{"10.1.2.3", "10.1.2.4", false},
		{"10.1.2.3", "10.1.2.4/31", false},
		{"10.1.2.3", "10.1.2.2/31", true},
		{"10.1.2.3", "10.9.9.9/8", true},
		{"10.1.2.3", "10.129.0.0/9", false},
		{"10.1.2.3", "1.1.1.1/0", true},
		{"10.1.2.3", "::/0", false},
		{"1.2.3.4", "102:304::", false},
		{"0:0:0:0:0:0:0:1", "::1", true},
		{"0:0:0:0:0:0:0:1", "0.0.0.1", false},
		{"2001:db8:0:0:0:0:0:1", "2001:DB8::/32", true},
		{"2001:db9:0:0:0:0:0:1", "2001:db8::/32", false},
		{"2001:db9:0:0:0:0:0:1", "2001:db8::/31", true},
		{"2001:db9:0:0:0:0:0:1", "2001:db9:0:0:0:0:0:1/128", true},
		{"", "1.2.3.4/0", false},
		{"1.2.3.4", "", false},
	} {
		if got := matchIP(c.id, c.entry); got != c.want {
			t.Errorf("%s in %s: %v", c.id, c.entry, got)
		}
	}
}

func TestIPIDIsWrittenAsJavaDoes(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1": "127.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "::1": "0:0:0:0:0:0:0:1",
		"2001:db8::ab:0": "2001:db8:0:0:0:0:ab:0", "fe80::1%eth0": "fe80:0:0:0:0:0:0:1",
	} {
		if got := IPID(netip.MustParseAddr(addr)); got != id("ip", want) {
			t.Errorf("%s: %v, want %s", addr, got, want)
		}
	}
}

// FuzzIP compares with netip wherever both know the form.
func FuzzIP(f *testing.F) {
	for _, s := range []string{"1.2.3.4", "1.2.3.4/8", "::1", "fe80::/10", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "0001::", "1.2.3.4/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		text, suffix, hasBits := strings.Cut(entry, "/")
		want, err := netip.ParseAddr(text)
		addr, bits, ok := parseIPEntry(entry)
		if ok && (bits < 0 || bits > 8*addr.n || addr.n != 4 && addr.n != 16) {
			t.Fatalf("%q: %d bits of %d bytes", entry, bits, addr.n)
		}
		if err == nil && !hasBits && want.Zone() == "" && !(want.Is6() && strings.Contains(text, ".")) {
			if !ok || !matchIP(javaAddr(want), entry) && !want.Is4In6() {
				t.Fatalf("%q is not itself", entry)
			}
		}
		if ok && err != nil && !strings.Contains(err.Error(), "leading zero") && !zeroPadded(text) {
			t.Fatalf("%q: accepted, but %v", entry, err)
		}
		if prefix, err := netip.ParsePrefix(entry); ok && err == nil && !prefix.Addr().Is4In6() && suffix != "" {
			for _, probe := range []string{"1.2.3.4", "255.0.0.1", "::1", "fe80::1", "2001:db8::"} {
				p := netip.MustParseAddr(probe)
				if got := matchIP(javaAddr(p), entry); got != prefix.Contains(p) {
					t.Fatalf("%s in %q: %v", probe, entry, got)
				}
			}
		}
	})
}

// zeroPadded reports whether an IPv4 number has zeros in front, which Java reads
// and netip does not.
func zeroPadded(text string) bool {
	for _, part := range strings.Split(text, ".") {
		if len(part) > 1 && part[0] == '0' {
			return true
		}
	}
	return false
}
