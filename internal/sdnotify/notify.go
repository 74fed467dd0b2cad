package sdnotify

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// States that systemd knows.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
)

// Variable is the environment variable that names the socket.
const Variable = "NOTIFY_SOCKET"

// patience bounds a datagram: the service goes on without.
const patience = time.Second

// Send tells a state to the socket with the name that Variable holds; "" means that
// nobody wants to know. A name that begins with @ is in the abstract name space.
func Send(socket, state string) error {
	if socket == "" {
		return nil
	}
	name := socket
	if rest, abstract := strings.CutPrefix(socket, "@"); abstract {
		name = "\x00" + rest
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("sdnotify: %s=%s: %w", Variable, socket, err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("sdnotify: %s=%s: %w", Variable, socket, err)
	}
	return nil
}
