package pipeline

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A share is what a learner has under way here: packets that the core has not taken, and
// requests that are not transactions of the tree yet. One that is full is not read from:
// whatever a learner sends, it takes so much memory and no more, and others get their
// turn.
//
// An ACK stands behind the requests that were sent before it, and they may be waiting for
// that ACK to be committed. So when nothing of a full share comes to an end for a while,
// more of it is read, up to another limit. A learner that is not read from for longer is
// dropped, as one that says nothing.
type share struct {
	bytes   atomic.Int64
	waiting atomic.Bool
	freed   chan struct{} // a token: something has ended while somebody waited
	patient time.Duration // how long nothing may end
	lax     bool          // of the goroutine that takes: nothing has ended for that long, and it is full still
}

const (
	fullShare   = 16 << 20  // bytes, with shareWeight for each packet
	laxShare    = 256 << 20 // the same, while nothing ends
	shareWeight = 512       // about what a packet takes besides its bytes
	syncWeight  = 64        // a sync that waits to be confirmed
)

func newShare(patient time.Duration) *share {
	return &share{freed: make(chan struct{}, 1), patient: patient}
}

// take adds so many bytes, when there is room. One that is not full takes any number:
// what is read at once is bounded. It is called by one goroutine, and returns early when
// ended is closed.
func (s *share) take(n int64, ended <-chan struct{}) {
	if s == nil {
		return
	}
	if s.bytes.Load() >= fullShare {
		s.wait(ended)
	}
	s.bytes.Add(n)
}

func (s *share) wait(ended <-chan struct{}) {
	s.waiting.Store(true)
	defer s.waiting.Store(false)
	for {
		n := s.bytes.Load()
		if n < fullShare {
			s.lax = false
			return
		}
		if s.lax && n < laxShare {
			return
		}
		timer := time.NewTimer(s.patient)
		select {
		case <-s.freed:
		case <-timer.C:
			s.lax = true
		case <-ended:
			return
		}
		timer.Stop()
	}
}

// end takes back so many bytes.
func (s *share) end(n int64) {
	if s == nil {
		return
	}
	s.bytes.Add(-n)
	if s.waiting.Load() {
		select {
		case s.freed <- struct{}{}:
		default:
		}
	}
}

// shares are those of the connections of a role. Its methods may be called by any
// goroutine.
type shares struct {
	patient time.Duration

	mu sync.Mutex
	of map[zab.Conn]*share
}

func newShares(tick time.Duration) *shares {
	return &shares{patient: tick / 4, of: map[zab.Conn]*share{}}
}

func (s *shares) open(c zab.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[c] = newShare(s.patient)
}

func (s *shares) close(c zab.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, c)
}

// at is the share of a connection, nil if that is gone: nothing is counted then.
func (s *shares) at(c zab.Conn) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[c]
}

// weigh is what packets count as: those that become requests, which end by themselves,
// and the others, which end when the core has taken them.
func weigh(pkts []wire.QuorumPacket) (requests, others int64) {
	for i := range pkts {
		p := &pkts[i]
		if p.Type == wire.PacketRequest {
			requests += requestWeight(len(p.Data), p.Auth)
		} else {
			others += shareWeight + int64(len(p.Data))
		}
	}
	return requests, others
}

// requestWeight is that of a request whose packet has so much data.
func requestWeight(data int, auth []wire.ID) int64 {
	n := shareWeight + data
	for i := range auth {
		n += len(auth[i].Scheme) + len(auth[i].ID)
	}
	return int64(n)
}

// weightOf is the weight that a request had as a packet.
func weightOf(q *zab.Request) int64 {
	return requestWeight(forwardedHead+len(q.Body), q.Auth)
}

// forwardedHead is the length of a wire.ForwardedRequest without its body.
const forwardedHead = 8 + 4 + 4
