package auth

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/zabra/zabra/wire"
)

// IPID is the id that a connection from the address has from the start. IPv6
// addresses are written as Java writes them, eight groups without zeros in front
// and without a zone; IPv4 ones that come in IPv6 form are written as IPv4.
func IPID(addr netip.Addr) wire.ID { return wire.ID{Scheme: "ip", ID: javaAddr(addr)} }

func javaAddr(addr netip.Addr) string {
	addr = addr.Unmap()
	if !addr.Is6() {
		return addr.String()
	}
	b := addr.As16()
	text := make([]byte, 0, 39)
	for i := 0; i < len(b); i += 2 {
		if i > 0 {
			text = append(text, ':')
		}
		text = strconv.AppendUint(text, uint64(b[i])<<8|uint64(b[i+1]), 16)
	}
	return string(text)
}

// An ipAddr is the bytes of an address: 4, 16, or 0 if there is none.
type ipAddr struct {
	b [16]byte
	n int
}

// matchIP reports whether the address id lies in the network that an entry names.
func matchIP(id, entry string) bool {
	network, bits, ok := parseIPEntry(entry)
	if !ok {
		return false
	}
	addr, ok := parseIP(id)
	return ok && addr.masked(bits) == network.masked(bits)
}

func validIPEntry(entry string) bool {
	_, _, ok := parseIPEntry(entry)
	return ok
}

// parseIPEntry reads an address with an optional number of leading bits.
func parseIPEntry(entry string) (addr ipAddr, bits int, ok bool) {
	text, suffix, hasBits := strings.Cut(entry, "/")
	addr, ok = parseIP(text)
	if !ok {
		return addr, 0, false
	}
	bits = 8 * addr.n
	if hasBits {
		n, ok := parseDecimal(suffix, bits)
		return addr, n, ok
	}
	return addr, bits, true
}

func parseIP(text string) (ipAddr, bool) {
	if strings.IndexByte(text, ':') >= 0 {
		return parseIPv6(text)
	}
	return parseIPv4(text)
}

// parseIPv4 takes exactly four decimal numbers up to 255; zeros in front do not
// make them octal.
func parseIPv4(text string) (addr ipAddr, ok bool) {
	addr.n = 4
	for i := range 4 {
		part, rest, more := strings.Cut(text, ".")
		v, ok := parseDecimal(part, 255)
		if !ok || more != (i < 3) {
			return ipAddr{}, false
		}
		addr.b[i] = byte(v)
		text = rest
	}
	return addr, true
}

// parseIPv6 takes eight groups, or fewer with one :: for at least one zero group.
func parseIPv6(text string) (addr ipAddr, ok bool) {
	addr.n = 16
	head, tail, compressed := strings.Cut(text, "::")
	if !compressed {
		n, ok := parseGroups(addr.b[:], head)
		return addr, ok && n == 8
	}
	front, ok := parseOptionalGroups(addr.b[:], head)
	if !ok {
		return addr, false
	}
	var back [16]byte
	n, ok := parseOptionalGroups(back[:], tail)
	if !ok || front+n >= 8 {
		return addr, false
	}
	copy(addr.b[16-2*n:], back[:2*n])
	return addr, true
}

func parseOptionalGroups(b []byte, text string) (n int, ok bool) {
	if text == "" {
		return 0, true
	}
	return parseGroups(b, text)
}

// parseGroups reads at most eight groups of one to four hexadecimal digits.
func parseGroups(b []byte, text string) (n int, ok bool) {
	for more := true; more; n++ {
		var group string
		group, text, more = strings.Cut(text, ":")
		v, ok := parseHex(group)
		if !ok || n == 8 {
			return n, false
		}
		b[2*n], b[2*n+1] = byte(v>>8), byte(v)
	}
	return n, true
}

func parseHex(text string) (v uint16, ok bool) {
	if len(text) == 0 || len(text) > 4 {
		return 0, false
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint16(c)
	}
	return v, true
}

// parseDecimal reads digits alone, as a number up to limit.
func parseDecimal(text string, limit int) (v int, ok bool) {
	for i := range len(text) {
		c := text[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if v = 10*v + int(c-'0'); v > limit {
			return 0, false
		}
	}
	return v, len(text) > 0
}

// masked keeps the leading bits.
func (a ipAddr) masked(bits int) ipAddr {
	for i := range a.b {
		keep := min(max(bits-8*i, 0), 8)
		a.b[i] &= ^(byte(0xff) >> keep)
	}
	return a
}
