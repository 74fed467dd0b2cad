package server

import (
	"io"
	"sync"

	"github.com/zabra/zabra/wire"
)

// An uptake follows how a learner gets on with what it is sent, so that one that says
// nothing because it has not got everything yet can be told from one that says nothing.
// Up to UPTODATE it is to answer NEWLEADER, and then PINGs: while what stands before one
// of these is on its way, it makes progress when it takes a part of it.
type uptake struct {
	conn stream

	mu       sync.Mutex
	question wire.PacketType // to be answered: NEWLEADER, PING, or 0
	heard    int64           // bytes received when it was asked
	number   int             // of the question
	end      int64           // how much is to be taken to have it, onItsWay until that is known
	taken    int64           // when there was progress last
}

// A stream is what an uptake needs of a peer.Conn.
type stream interface {
	SendStream(f func(io.Writer) error)
	Written() int64
	Taken() int64
	Received() int64
}

const (
	onItsWay = -1
	// leastUptake is how many bytes are progress, unless they are the last: less than
	// that in initLimit, or syncLimit, is what somebody takes who only wants to be
	// waited for.
	leastUptake = 64 << 10
)

// sent looks for questions in what was just handed to the connection.
func (u *uptake) sent(pkts []wire.QuorumPacket) {
	for i := range pkts {
		switch pkts[i].Type {
		case wire.PacketNewLeader, wire.PacketUpToDate:
			u.ask(pkts[i].Type)
		case wire.PacketPing:
			u.ask(wire.PacketPing)
		}
	}
}

// ask notes a question. It stands until it is answered: what was asked after it would
// put the answer off for ever.
func (u *uptake) ask(question wire.PacketType) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case question == wire.PacketUpToDate:
		u.question = 0
		return
	case u.question == wire.PacketNewLeader, u.question != 0 && u.conn.Received() <= u.heard:
		return
	}
	u.question, u.heard, u.end, u.taken = question, u.conn.Received(), onItsWay, u.conn.Taken()
	u.number++
	number := u.number
	u.conn.SendStream(func(io.Writer) error {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.number == number {
			u.end = u.conn.Written()
		}
		return nil
	})
}

// progress reports whether the learner has taken a part of what stands before the
// question since this was reported last.
func (u *uptake) progress() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.conn.Taken()
	if u.question == 0 || u.end != onItsWay && u.taken >= u.end {
		return false
	}
	if last := u.end != onItsWay && taken >= u.end; !last && taken-u.taken < leastUptake {
		return false
	}
	u.taken = taken
	return true
}
