package peer

import (
	"net"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// says waits for a warning that holds the texts, and returns its fields.
func says(t *testing.T, logs *observer.ObservedLogs, texts ...string) map[string]any {
	t.Helper()
	var found observer.LoggedEntry
	eventually(t, "a warning with "+strings.Join(texts, ", "), func() bool {
	lines:
		for _, l := range logs.All() {
			whole := l.Message
			if err, ok := l.ContextMap()["error"].(string); ok {
				whole += ": " + err
			}
			for _, text := range texts {
				if !strings.Contains(whole, text) {
					continue lines
				}
			}
			found = l
			return true
		}
		return false
	})
	return found.ContextMap()
}

func watched() (func(*ElectionConfig), *observer.ObservedLogs) {
	core, logs := observer.New(zap.WarnLevel)
	return func(c *ElectionConfig) { c.Log = zap.New(core) }, logs
}

// A server with this one's number is told of with the addresses of both.
func TestNamesake(t *testing.T) {
	noLeaks(t)
	logging, logs := watched()
	v := newVoter(t, 7, nil, logging)
	nc := raw(t, v.addr)
	write(t, nc, initial(t, 7, "10.0.0.7:3888"))
	closed(t, nc)
	says(t, logs, "two servers have the number 7", "the one at "+nc.LocalAddr().String()+", which listens at 10.0.0.7:3888", "this one, at "+v.addr)
}

// A server whose configuration sends it to itself says which line does.
func TestReachingOneself(t *testing.T) {
	for _, other := range []wire.SID{3, 9} { // a smaller and a larger one
		noLeaks(t)
		logging, logs := watched()
		v := newVoter(t, 7, nil, logging)
		v.SetServers(map[wire.SID][]string{7: {v.addr}, other: {v.addr}})
		v.Send(other, vote(1))
		want := map[wire.SID]string{3: "line server.3", 9: "line server.9"}[other]
		says(t, logs, "this server has reached itself at "+v.addr, want)
		v.Close()
	}
}

// Two servers with one number that call from two machines are told of, and a server
// that calls again from its own is not.
func TestTwoMachinesWithOneNumber(t *testing.T) {
	if ln, err := net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skip("only 127.0.0.1 is this machine")
	} else {
		ln.Close()
	}
	noLeaks(t)
	logging, logs := watched()
	v := newVoter(t, 1, nil, logging)
	connect := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		nc, err := d.Dial("tcp", v.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		write(t, nc, append(initial(t, 5, "127.0.0.1:1"), frame(9)...))
		return nc
	}
	connect("127.0.0.1")
	v.hears(t, 5, 9)
	second := connect("127.0.0.1")
	eventually(t, "the second to stand", func() bool { return len(v.all(5)) == 2 })
	if n := logs.Len(); n > 0 {
		t.Errorf("%d warnings: %+v", n, logs.All())
	}
	third := connect("127.0.0.2")
	fields := says(t, logs, "two servers have its number")
	if fields["connected"] != second.LocalAddr().String() || fields["connects"] != third.LocalAddr().String() || fields["server"] != int64(5) {
		t.Errorf("%+v", fields)
	}
}
