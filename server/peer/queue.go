package peer

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/zabra/zabra/wire"
)

// An item is what leaves in its turn: a packet, or a stream.
type item struct {
	packet wire.QuorumPacket
	stream func(io.Writer) error // nil for a packet
}

// packetSize is the length of a packet's encoding.
func packetSize(p *wire.QuorumPacket) int64 {
	n := 4 + 8 + 4 + len(p.Data) + 4
	for i := range p.Auth {
		n += 8 + len(p.Auth[i].Scheme) + len(p.Auth[i].ID)
	}
	return int64(n)
}

// A queue holds what waits to be sent. Packets stay as they are until they are
// written, so that one that waits for many learners is in memory once.
type queue struct {
	bytes atomic.Int64  // of packets that wait, or are being written
	ready chan struct{} // a token: something was put in, or the queue is finished

	mu       sync.Mutex
	items    []item
	finished bool
}

func newQueue() queue { return queue{ready: make(chan struct{}, 1)} }

// put lets one item in. It reports false if the queue is finished.
func (q *queue) put(it item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.finished {
		return false
	}
	q.items = append(q.items, it)
	q.wake()
	return true
}

// putPackets lets packets in, all or, if the queue is finished, none.
func (q *queue) putPackets(packets []wire.QuorumPacket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.finished {
		return false
	}
	for i := range packets {
		q.items = append(q.items, item{packet: packets[i]})
	}
	q.wake()
	return true
}

// finish lets nothing in any more. It reports false if that was so already.
func (q *queue) finish() bool {
	q.mu.Lock()
	first := !q.finished
	q.finished = true
	q.mu.Unlock()
	q.wake()
	return first
}

// close lets nothing in any more, and returns what still waits.
func (q *queue) close() []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items, q.finished = nil, true
	return items
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// maxSpare is how many items a queue that is empty keeps memory for.
const maxSpare = 4096

// take returns everything that waits, in exchange for the slice that it returned
// before.
func (q *queue) take(used []item) (items []item, finished bool) {
	clear(used)
	if cap(used) > maxSpare {
		used = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	items = q.items
	q.items = used[:0]
	return items, q.finished
}
