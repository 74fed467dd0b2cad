package simnet

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/zabra/zabra/internal/sim/vtime"
)

// A Host is a machine on the network.
type Host int

// A Port tells the listeners of a host apart.
type Port uint8

// Weather says how well the network works.
type Weather struct {
	MinDelay, MaxDelay time.Duration // one way, evenly spread
	SpikeRate          float64       // of messages that take up to Spike longer
	Spike              time.Duration
	PostLoss           float64 // of posted messages that are lost
	PostTwice          float64 // of posted messages that come twice
	PostStale          float64 // of posted messages that the one before comes ahead of again
	DialTimeout        time.Duration
}

// A Net is the network.
type Net struct {
	Weather Weather

	kernel    *vtime.Kernel
	rng       *rand.Rand
	hosts     int
	up        []bool
	cut       []bool // from * hosts + to
	listeners map[listener]func(*End)
	mailboxes []func(from Host, m any)
	lastPost  []any // from * hosts + to
	conns     []*Conn
	serial    int64
}

type listener struct {
	host Host
	port Port
}

// New returns a network of so many hosts, all of whose links work.
func New(k *vtime.Kernel, hosts int, w Weather) *Net {
	return &Net{
		Weather: w, kernel: k, rng: k.Rand("net"), hosts: hosts,
		up: make([]bool, hosts), cut: make([]bool, hosts*hosts), lastPost: make([]any, hosts*hosts),
		listeners: map[listener]func(*End){}, mailboxes: make([]func(Host, any), hosts),
	}
}

func (n *Net) link(from, to Host) int { return int(from)*n.hosts + int(to) }

// delay is how long a message travels.
func (n *Net) delay() time.Duration {
	w := &n.Weather
	d := w.MinDelay + time.Duration(n.rng.Int64N(int64(w.MaxDelay-w.MinDelay)+1))
	if w.SpikeRate > 0 && n.rng.Float64() < w.SpikeRate {
		d += time.Duration(n.rng.Int64N(int64(w.Spike) + 1))
	}
	return d
}

// Cut stops whatever goes from one host to another.
func (n *Net) Cut(from, to Host) { n.cut[n.link(from, to)] = true }

// Heal undoes Cut.
func (n *Net) Heal(from, to Host) {
	if i := n.link(from, to); n.cut[i] {
		n.cut[i] = false
		n.resume(func(e *End) bool { return e.host == from && e.peer.host == to })
	}
}

// HealAll undoes every Cut.
func (n *Net) HealAll() {
	clear(n.cut)
	n.resume(func(*End) bool { return true })
}

// resume lets the ends that send over healed links go on.
func (n *Net) resume(healed func(*End) bool) {
	for _, c := range slices.Clone(n.conns) {
		for i := range c.ends {
			if healed(&c.ends[i]) {
				c.ends[i].pump()
			}
		}
	}
}

// Reaches reports whether what from sends arrives at to.
func (n *Net) Reaches(from, to Host) bool { return !n.cut[n.link(from, to)] }

// Listen calls accept for every connection made to a port of the host.
func (n *Net) Listen(h Host, p Port, accept func(*End)) { n.listeners[listener{h, p}] = accept }

// Unlisten refuses connections from now on.
func (n *Net) Unlisten(h Host, p Port) { delete(n.listeners, listener{h, p}) }

// Dial connects to a port of a host. done gets the end, or nil if there was no
// connection: nobody listens, or nothing came back in time.
func (n *Net) Dial(from, to Host, p Port, life *vtime.Life, done func(*End)) {
	if !n.Reaches(from, to) || !n.Reaches(to, from) {
		n.kernel.After(n.Weather.DialTimeout, life, func() { done(nil) })
		return
	}
	n.kernel.After(n.delay()+n.delay(), life, func() {
		accept := n.listeners[listener{to, p}]
		if accept == nil || !n.Reaches(from, to) || !n.Reaches(to, from) {
			done(nil)
			return
		}
		c := n.connect(from, to)
		accept(&c.ends[1])
		done(&c.ends[0])
	})
}

func (n *Net) connect(from, to Host) *Conn {
	n.serial++
	c := &Conn{net: n, ID: n.serial}
	c.ends[0] = End{conn: c, host: from, peer: &c.ends[1]}
	c.ends[1] = End{conn: c, host: to, peer: &c.ends[0]}
	n.conns = append(n.conns, c)
	return c
}

func (n *Net) remove(c *Conn) {
	if i := slices.Index(n.conns, c); i >= 0 {
		n.conns = slices.Delete(n.conns, i, i+1)
	}
}

// Conns returns the connections that at least one side takes for open, oldest
// first.
func (n *Net) Conns() []*Conn { return n.conns }

// Up says that a host runs.
func (n *Net) Up(h Host) { n.up[h] = true }

// Down ends everything of a host that has died: its listeners, its mailbox, its
// connections. If silent, its peers are not told and find out when they send
// something after it has come back, or by their own timers.
func (n *Net) Down(h Host, silent bool) {
	n.up[h] = false
	for p := range Port(8) {
		n.Unlisten(h, p)
	}
	n.mailboxes[h] = nil
	for to := range n.hosts {
		n.lastPost[n.link(h, Host(to))] = nil
	}
	for _, c := range slices.Clone(n.conns) {
		for i := range c.ends {
			if e := &c.ends[i]; e.host == h && !e.closed {
				e.die(silent)
			}
		}
	}
}
