package peer

import (
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// What this system holds for a peer that does not read is written, and not taken.
func TestTaken(t *testing.T) {
	for name, tr := range map[string][]Transport{"plain": nil, "TLS": bothSecured(t)} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			leader, learner := pair(t, ConnOptions{}, tr...)
			release := make(chan struct{})
			h := learner.handler()
			h.Receive = func(p []wire.QuorumPacket) error {
				<-release
				return learner.receive(p)
			}
			learner.Start(h)
			leader.start()
			for range 40 {
				leader.Send(packet(1, 1<<20))
			}
			eventually(t, "the connection to be full", func() bool {
				before := leader.Written()
				time.Sleep(50 * time.Millisecond)
				return before > 0 && leader.Written() == before
			})
			if taken, written := leader.Taken(), leader.Written(); taken <= 0 || taken >= written {
				t.Errorf("taken %d of %d", taken, written)
			}
			close(release)
			eventually(t, "all to be taken", func() bool { return leader.Backlog() == 0 && leader.Taken() == leader.Written() })
		})
	}
}

func bothSecured(t *testing.T) []Transport {
	tr := secured(t, selfSigned(t), true, false)
	return []Transport{tr, tr}
}
