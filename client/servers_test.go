package client

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Those who lose one server go to all the others, not to one of them.
func TestServersInRandomOrder(t *testing.T) {
	const clients, hosts = 600, 5
	var names []string
	for i := range hosts {
		names = append(names, fmt.Sprintf("zoo%d:2181", i))
	}
	first := map[string]int{}
	for range clients {
		s, err := newServers(names)
		if err != nil {
			t.Fatal(err)
		}
		var round []string
		for range hosts {
			h, pause := s.next()
			if pause != 0 {
				t.Fatal("a pause within the first round")
			}
			round = append(round, h)
		}
		first[round[0]]++
		if slices.Sort(round); !slices.Equal(round, names) {
			t.Fatalf("%v is no round", round)
		}
	}
	for _, n := range names {
		// A fair share is 120; 60 is 6 standard deviations away from it.
		if first[n] < clients/hosts/2 {
			t.Errorf("%v", first)
		}
	}
}

// Pauses differ from client to client, their bound grows from round to round, and no
// session runs out in one.
func TestPausesAreRandomAndGrow(t *testing.T) {
	const clients = 200
	for round, bound := range []time.Duration{0, firstPause, 2 * firstPause, 4 * firstPause, 8 * firstPause} {
		seen := map[time.Duration]bool{}
		var longest time.Duration
		for range clients {
			s := &servers{rounds: round, most: pauseFor(time.Minute)}
			p := s.pause()
			if p > bound || p < 0 {
				t.Fatalf("round %d: %v", round, p)
			}
			seen[p], longest = true, max(longest, p)
		}
		if round > 0 && (len(seen) < clients*9/10 || longest < bound*3/4) {
			t.Errorf("round %d: %d different pauses, the longest %v", round, len(seen), longest)
		}
	}
	for _, session := range []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second, time.Hour} {
		for range clients {
			s := &servers{rounds: 1000, most: pauseFor(session)}
			if p := s.pause(); p > session/4 || p > maxPause {
				t.Fatalf("%v in a session of %v", p, session)
			}
		}
	}
}
