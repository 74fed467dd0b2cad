//go:build linux

package netlab

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

const (
	prefixBits = 24
	maxPacket  = 65536 // larger than the MTU of any device

	// What a link holds back at most, as a router would; what comes then is lost.
	maxDelayed = 4096
)

var network = netip.MustParsePrefix("10.99.0.0/24")

// A Quality says what happens to packets from one host to another. The zero value is a
// perfect link.
type Quality struct {
	Loss   float64       // probability: 1 cuts the link
	Delay  time.Duration // how long a packet takes at least
	Jitter time.Duration // and up to so much longer; packets keep their order
}

// A Lab is a switch and the hosts at it. Its methods may be called from any goroutine.
type Lab struct {
	mu     sync.Mutex
	rng    *rand.Rand
	hosts  map[netip.Addr]*Host
	links  map[pair]*link
	closed bool
	ending sync.WaitGroup
}

type pair struct{ from, to *Host }

// A link carries packets in one direction.
type link struct {
	quality Quality
	lost    int64
	passed  int64
	last    time.Time // when the packet before is to arrive
	delayed chan packet
}

type packet struct {
	due  time.Time
	data []byte
}

// New makes a lab without hosts. Which packets are lost depends on the seed, and on the
// order in which they come.
func New(seed uint64) *Lab {
	return &Lab{rng: rand.New(rand.NewPCG(seed, 1)), hosts: map[netip.Addr]*Host{}, links: map[pair]*link{}}
}

// Host makes a host and connects it. There may be 250 of them.
func (l *Lab) Host() (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	addr := network.Addr().Next()
	for range l.hosts {
		addr = addr.Next()
	}
	if len(l.hosts) == 250 {
		return nil, fmt.Errorf("netlab: %d hosts are the most", len(l.hosts))
	}
	h, err := newHost(addr)
	if err != nil {
		return nil, err
	}
	for _, other := range l.hosts {
		l.connect(h, other)
		l.connect(other, h)
	}
	l.hosts[addr] = h
	l.ending.Go(func() { l.forward(h) })
	return h, nil
}

func (l *Lab) connect(from, to *Host) {
	k := &link{delayed: make(chan packet, maxDelayed)}
	l.links[pair{from, to}] = k
	l.ending.Go(func() {
		for p := range k.delayed {
			time.Sleep(time.Until(p.due))
			_, _ = to.tun.Write(p.data)
		}
	})
}

// forward carries what a host sends, until its device is closed.
func (l *Lab) forward(from *Host) {
	b := make([]byte, maxPacket)
	for {
		n, err := from.tun.Read(b)
		if err != nil {
			return
		}
		if to := l.pass(from, b[:n]); to != nil {
			_, _ = to.tun.Write(b[:n]) // a full device loses packets, as devices do
		}
	}
}

// pass returns the host to which the packet may go at once, nil if there is none.
func (l *Lab) pass(from *Host, data []byte) *Host {
	if len(data) < 20 || data[0]>>4 != 4 {
		return nil // not IPv4
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.hosts[netip.AddrFrom4([4]byte(data[16:20]))]
	k := l.links[pair{from, to}]
	if k == nil || l.closed {
		return nil
	}
	q := k.quality
	if q.Loss > 0 && l.rng.Float64() < q.Loss {
		k.lost++
		return nil
	}
	k.passed++
	now := time.Now()
	if q.Delay+q.Jitter == 0 && !now.Before(k.last) {
		return to
	}
	due := now.Add(q.Delay)
	if q.Jitter > 0 {
		due = due.Add(time.Duration(l.rng.Int64N(int64(q.Jitter))))
	}
	if due.Before(k.last) {
		due = k.last
	}
	k.last = due
	select {
	case k.delayed <- packet{due, append([]byte(nil), data...)}:
	default:
		k.lost++
	}
	return nil
}

// Shape says what happens from now on to packets from one host to another.
func (l *Lab) Shape(from, to *Host, q Quality) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.links[pair{from, to}].quality = q
}

// Heal makes all links perfect.
func (l *Lab) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.links {
		k.quality = Quality{}
	}
}

// Lost is how many packets the switch has lost, and Passed how many it has carried, from
// one host to another.
func (l *Lab) Lost(from, to *Host) (lost, passed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.links[pair{from, to}]
	return k.lost, k.passed
}

// Close ends the hosts, and kills what still runs in them.
func (l *Lab) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	for _, h := range l.hosts {
		h.close()
	}
	for _, k := range l.links {
		close(k.delayed)
	}
	l.mu.Unlock()
	l.ending.Wait()
}
