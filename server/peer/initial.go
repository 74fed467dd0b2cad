package peer

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/zabra/zabra/wire"
)

// initialBuffer holds the longest initial message.
const initialBuffer = 20 + wire.MaxInitialAddress

// readInitial reads an initial message, in as many pieces as it comes, and nothing
// behind it. The buffer of br holds initialBuffer bytes at least.
func readInitial(br *bufio.Reader) (wire.InitialMessage, error) {
	for want := 8; ; {
		b, err := br.Peek(want)
		if err != nil {
			return wire.InitialMessage{}, fmt.Errorf("peer: initial message, after %d bytes: %w", len(b), err)
		}
		m, n, err := wire.DecodeInitialMessage(b)
		switch {
		case errors.Is(err, wire.ErrTruncated):
			want = n
		case err != nil:
			return wire.InitialMessage{}, fmt.Errorf("peer: %w", err)
		default:
			_, err := br.Discard(n)
			return m, err
		}
	}
}

// maxHints bounds the addresses that are taken from an initial message. Whoever
// sends one can have that many connections made.
const maxHints = 8

// usable returns the addresses that can be dialled, the first maxHints of them:
// those with a host that is not that of every interface, and with a port.
func usable(addrs []string) []string {
	var list []string
	for _, addr := range addrs {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" {
			continue
		}
		if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsUnspecified() {
			continue
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			continue
		}
		if list = append(list, addr); len(list) == maxHints {
			break
		}
	}
	return list
}
