package peer

import (
	"testing"
	"time"
)

// What this system holds for a peer that does not read is written, and not taken.
func TestTaken(t *testing.T) {
	for name, tr := range map[string][]Transport{"plain": nil, "TLS": bothSecured(t)} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			leader, learner := pair(t, ConnOptions{}, tr...)
			release := learner.startStuck()
			leader.start()
			learner.Send(packet(1, 1)) // whoever has said nothing is not waited for long
			eventually(t, "the leader to hear of the learner", func() bool { return leader.count() == 1 })
			for range 24 { // more than two systems hold
				leader.Send(packet(1, 1<<20))
			}
			// Nothing moves, and not only because this process had to wait for its turn.
			eventually(t, "the connection to be full, with something that was written and not taken", func() bool {
				written, taken := leader.Written(), leader.Taken()
				time.Sleep(50 * time.Millisecond)
				return leader.Written() == written && leader.Taken() == taken && 0 < taken && taken < written
			})
			release()
			eventually(t, "all to be taken", func() bool { return leader.Backlog() == 0 && leader.Taken() == leader.Written() })
		})
	}
}

func bothSecured(t *testing.T) []Transport {
	tr := secured(t, selfSigned(t), true, false)
	return []Transport{tr, tr}
}
