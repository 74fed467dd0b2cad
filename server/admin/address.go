package admin

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// javaAddrPort prints an address as Java does, which shortens no run of zeros in
// an IPv6 address: 127.0.0.1:2181, [0:0:0:0:0:0:0:1]:2181.
func javaAddrPort(a netip.AddrPort) string {
	ip := a.Addr().Unmap()
	if !ip.Is6() {
		return ip.String() + ":" + strconv.Itoa(int(a.Port()))
	}
	return "[" + javaAddr(ip) + "]:" + strconv.Itoa(int(a.Port()))
}

func javaAddr(ip netip.Addr) string {
	if ip = ip.Unmap(); !ip.Is6() {
		return ip.String()
	}
	b := ip.As16()
	groups := make([]string, 8)
	for i := range groups {
		groups[i] = fmt.Sprintf("%x", uint16(b[2*i])<<8|uint16(b[2*i+1]))
	}
	s := strings.Join(groups, ":")
	if zone := ip.Zone(); zone != "" {
		s += "%" + zone
	}
	return s
}
