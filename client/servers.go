package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoServers says that a connect string names no server.
var ErrNoServers = errors.New("no server is named: want host:port[,host:port...][/path]")

// servers are those to connect to, in an order that is random for every client, so
// that those that lose a server together do not all go to the same one next.
type servers struct {
	hosts  []string      // as they were given, with ports
	round  []string      // addresses not tried yet in this round
	last   string        // that was tried last, as it was given
	addr   string        // and as it was resolved; of the run goroutine
	silent string        // that was lost because it had fallen silent, as it was given; "" for none
	rounds int           // that were begun since a connection lasted
	most   time.Duration // of a pause
	err    error         // of the last attempt
}

func newServers(hosts []string) (*servers, error) {
	s := new(servers)
	for _, h := range hosts {
		if h = strings.TrimSpace(h); h == "" {
			continue
		}
		h, err := withPort(h)
		if err != nil {
			return nil, err
		}
		s.hosts = append(s.hosts, h)
	}
	if len(s.hosts) == 0 {
		return nil, ErrNoServers
	}
	return s, nil
}

// withPort adds the default port to a host without one.
func withPort(h string) (string, error) {
	host, port, err := net.SplitHostPort(h)
	if err != nil {
		host, port = strings.Trim(h, "[]"), "2181"
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", fmt.Errorf("server %q: want host:port, an IPv6 address in brackets", h)
		}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("server %q: want a port from 1 to 65535", h)
	}
	return net.JoinHostPort(host, port), nil
}

// next is where to connect to now, as it was given, and how long to wait before.
func (s *servers) next() (hostPort string, pause time.Duration) {
	if len(s.round) == 0 {
		pause = s.pause()
		s.rounds++
		s.round = append(s.round, s.hosts...)
		rand.Shuffle(len(s.round), func(i, j int) { s.round[i], s.round[j] = s.round[j], s.round[i] })
		s.lastToTheEnd()
		s.leaveOutSilent()
	}
	hostPort = s.round[0]
	s.round = s.round[1:]
	s.last = hostPort
	return hostPort, pause
}

// lastToTheEnd has the server that was just lost, or did not answer, tried behind all
// others: one without power answers nothing for as long as an attempt may take, which a
// session does not always have.
func (s *servers) lastToTheEnd() {
	if i := slices.Index(s.round, s.last); i >= 0 {
		s.round = append(slices.Delete(s.round, i, i+1), s.last)
	}
}

// connectTimeout is how long one attempt may take: so long that several fit into the time
// of a session, and so many as there are servers if that leaves enough for each.
func (s *servers) connectTimeout(session time.Duration) time.Duration {
	third := session / 3
	fair := session / time.Duration(max(len(s.hosts), 1))
	return max(min(third, max(fair, time.Second)), 100*time.Millisecond)
}

// silentRounds is in how many rounds a server that has fallen silent is left out, if there
// are others: they may be without a leader, because it was the leader, and refuse until
// they have one.
const silentRounds = 5

func (s *servers) leaveOutSilent() {
	if i := slices.Index(s.round, s.silent); i >= 0 && len(s.round) > 1 && s.rounds <= silentRounds {
		s.round = slices.Delete(s.round, i, i+1)
	}
}

// fellSilent notes that the server that was connected last has said nothing for too long.
func (s *servers) fellSilent() { s.silent = s.last }

// A target is an address to dial, and the name its certificate is for.
type target struct{ address, host string }

// resolve picks one of a name's addresses, and not the one that was tried last if there
// are others. It is asked for every attempt, since names move.
func (c *Client) resolve(ctx context.Context, hostPort string) target {
	host, port, _ := net.SplitHostPort(hostPort)
	if net.ParseIP(host) != nil {
		return target{hostPort, host}
	}
	addrs, err := c.opts.Resolve(ctx, host)
	if err != nil || len(addrs) == 0 {
		return target{hostPort, host} // dialling says what is wrong with the name
	}
	t := target{c.servers.addr, host} // unless there is another
	for _, i := range rand.Perm(len(addrs)) {
		if t.address = net.JoinHostPort(addrs[i], port); t.address != c.servers.addr {
			break
		}
	}
	return t
}

// Bounds of the pause between two rounds. A session must not run out in one.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

func pauseFor(session time.Duration) time.Duration {
	return max(min(session/4, maxPause), time.Millisecond)
}

// pause is random, and its bound doubles with every round that failed.
func (s *servers) pause() time.Duration {
	if s.rounds == 0 {
		return 0
	}
	bound := firstPause << min(s.rounds-1, 10)
	return rand.N(min(bound, s.most))
}

// good notes that all is well: the next loss is met without a pause.
func (s *servers) good() { s.round, s.rounds, s.silent, s.err = nil, 0, "", nil }

// because is err, and why there is no connection.
func (s *servers) because(err error) error {
	if s.err == nil {
		return err
	}
	return fmt.Errorf("%w; tried last: %w", err, s.err)
}
