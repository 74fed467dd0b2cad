package server

import (
	"testing"

	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// Strangers make room before members do, and who does not serve before who does.
func TestTheCrowdMakesRoom(t *testing.T) {
	conns := map[zab.Conn]*learnerConn{}
	for id, c := range []struct {
		sid  int64
		live bool
	}{{1, true}, {2, false}, {77, true}, {78, false}, {noSID, false}, {79, false}, {3, true}} {
		l := &learnerConn{listed: func(id wire.SID) bool { return id <= 3 }}
		l.sid.Store(c.sid)
		l.live.Store(c.live)
		conns[zab.Conn(id)] = l
	}
	for _, want := range []zab.Conn{3, 4, 5, 2, 1, 0, 6} {
		if got := crowded(conns); got != conns[want] {
			t.Fatalf("%d, %v was to go; %d, live %v goes", want, conns[want].sid.Load(), got.sid.Load(), got.live.Load())
		}
		delete(conns, want)
	}
}
