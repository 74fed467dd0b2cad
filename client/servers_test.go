package client

import (
	"context"
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

// One that fell silent is left out for some rounds: the others may need a moment to find a
// leader without it, and an attempt with it would take what is left of the session.
func TestAServerThatFellSilentIsLeftOut(t *testing.T) {
	names := []string{"zoo0:2181", "zoo1:2181", "zoo2:2181"}
	s, err := newServers(names)
	if err != nil {
		t.Fatal(err)
	}
	s.most = time.Second
	silent, _ := s.next()
	s.good()
	s.fellSilent()
	tried := 0
	for h, _ := s.next(); h != silent; h, _ = s.next() {
		if tried++; tried > 100 {
			t.Fatal("it is never tried again")
		}
	}
	if want := silentRounds * (len(names) - 1); tried < want || tried > want+len(names)-1 {
		t.Errorf("it is tried again after %d attempts, want about %d", tried, want)
	}
	s.good()
	seen := map[string]bool{}
	for range names {
		h, _ := s.next()
		seen[h] = true
	}
	if len(seen) != len(names) {
		t.Errorf("when all is well a round is of %v", seen)
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

// The server that was just lost is tried last: one without power would cost the time that
// the session has left.
func TestServerThatWasLostIsTriedLast(t *testing.T) {
	for range 50 {
		s, err := newServers([]string{"a", "b", "c"})
		if err != nil {
			t.Fatal(err)
		}
		lost, _ := s.next()
		s.good() // it was connected to for a while
		for range 2 {
			if h, _ := s.next(); h == lost {
				t.Fatalf("%s is tried again before the others", h)
			}
		}
		if h, _ := s.next(); h != lost {
			t.Fatalf("%s is tried twice in a round", h)
		}
	}
}

// Of a name's addresses another one is tried than the one that was just lost.
func TestAddressThatWasLostIsNotTriedAtOnce(t *testing.T) {
	addrs := []string{"10.0.0.1", "10.0.0.2"}
	c := &Client{servers: &servers{addr: "10.0.0.1:2181"}}
	c.opts.Resolve = func(context.Context, string) ([]string, error) { return addrs, nil }
	for range 50 {
		if a := c.resolve(t.Context(), "zoo:2181").address; a != "10.0.0.2:2181" {
			t.Fatal(a)
		}
	}
	addrs = addrs[:1]
	if a := c.resolve(t.Context(), "zoo:2181").address; a != "10.0.0.1:2181" {
		t.Error("the only address is not tried: " + a)
	}
}

// An attempt to connect does not use up a session, however many servers do not answer.
func TestTimeOfAnAttempt(t *testing.T) {
	for _, c := range []struct {
		servers       int
		session, want time.Duration
	}{
		{1, 9 * time.Second, 3 * time.Second},
		{3, 9 * time.Second, 3 * time.Second},
		{6, 12 * time.Second, 2 * time.Second},
		{20, 12 * time.Second, time.Second},
		{9, 2 * time.Second, 2 * time.Second / 3},
		{3, time.Millisecond, 100 * time.Millisecond},
	} {
		s := &servers{hosts: make([]string, c.servers)}
		if o := (Options{SessionTimeout: c.session}).withDefaults(s); o.ConnectTimeout != c.want {
			t.Errorf("%d servers, a session of %v: %v, want %v", c.servers, c.session, o.ConnectTimeout, c.want)
		}
	}
}
