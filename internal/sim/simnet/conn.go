package simnet

import "time"

// A Conn is a connection between two hosts.
type Conn struct {
	ID   int64
	net  *Net
	ends [2]End

	broken bool // nothing more gets through
	hole   bool // and nobody says so
}

// Hosts returns who dialled and who accepted.
func (c *Conn) Hosts() (dialler, acceptor Host) { return c.ends[0].host, c.ends[1].host }

// An End is one side of a connection. Its owner sets the handlers when it gets it.
type End struct {
	// OnMessage is called for every message that arrives.
	OnMessage func(m any)
	// OnClose is called once, when the other side has closed or the connection is
	// found broken; not after Close.
	OnClose func()

	conn    *Conn
	host    Host
	peer    *End
	queue   []parcel // sent by this end, not yet arrived
	lastAt  time.Duration
	pumping bool
	closed  bool // nothing is sent or received here any more
}

// A parcel is a message under way; fin marks the end of the stream.
type parcel struct {
	at      time.Duration
	message any
	fin     bool
}

// ID is that of the connection.
func (e *End) ID() int64 { return e.conn.ID }

// Host is where the end is.
func (e *End) Host() Host { return e.host }

// Remote is where the other end is.
func (e *End) Remote() Host { return e.peer.host }

// Closed reports whether the end is closed.
func (e *End) Closed() bool { return e.closed }

// Send sends a message, if the end is open. The network keeps m.
func (e *End) Send(m any) {
	switch {
	case e.closed:
	case !e.conn.broken:
		e.put(parcel{message: m})
	case !e.conn.hole:
		e.reset()
	}
}

func (e *End) put(p parcel) {
	n := e.conn.net
	p.at = max(e.lastAt, n.kernel.Now()+n.delay())
	e.lastAt = p.at
	e.queue = append(e.queue, p)
	e.pump()
}

// pump schedules the arrival of the first parcel.
func (e *End) pump() {
	if e.pumping || len(e.queue) == 0 {
		return
	}
	n := e.conn.net
	e.pumping = true
	n.kernel.After(e.queue[0].at-n.kernel.Now(), nil, e.arrive)
}

func (e *End) arrive() {
	e.pumping = false
	n := e.conn.net
	if len(e.queue) == 0 || !n.Reaches(e.host, e.peer.host) {
		return // Heal pumps again
	}
	p := e.queue[0]
	e.queue[0] = parcel{}
	e.queue = e.queue[1:]
	e.pump()
	switch {
	case p.fin:
		e.peer.ended()
	case e.peer.closed:
		if n.up[e.peer.host] {
			e.reset()
		}
	case e.peer.OnMessage != nil:
		e.peer.OnMessage(p.message)
	}
}

// reset tells this end that the other one is gone, as TCP does when something
// arrives there.
func (e *End) reset() {
	if e.closed {
		return
	}
	n := e.conn.net
	n.kernel.After(n.delay(), nil, func() {
		if n.Reaches(e.peer.host, e.host) {
			e.ended()
		}
	})
}

// ended closes the end because of the other one.
func (e *End) ended() {
	if e.closed {
		return
	}
	e.shut()
	if e.OnClose != nil {
		e.OnClose()
	}
}

// shut makes the end dead.
func (e *End) shut() {
	e.closed = true
	if e.peer.closed {
		e.conn.net.remove(e.conn)
	}
}

// Close closes the end. What was sent before still arrives, and then the other end
// is told.
func (e *End) Close() {
	if e.closed {
		return
	}
	e.shut()
	e.put(parcel{fin: true})
}

// die closes the end because its host died; silent as in Net.Down. Of what was
// under way a prefix still arrives.
func (e *End) die(silent bool) {
	e.loseSuffix()
	e.shut()
	if !silent {
		e.put(parcel{fin: true})
	}
}

func (e *End) loseSuffix() {
	keep := e.conn.net.rng.IntN(len(e.queue) + 1)
	clear(e.queue[keep:])
	e.queue = e.queue[:keep]
}

// Break breaks a connection: a suffix of what is under way in either direction is
// lost, and both sides are told. With half one side may not be told, or none; it
// finds out when it sends, or never.
func (c *Conn) Break(half bool) {
	rng := c.net.rng
	c.broken, c.hole = true, half && rng.IntN(2) == 0
	for i := range c.ends {
		e := &c.ends[i]
		e.loseSuffix()
		if !e.closed && (!half || rng.IntN(2) == 0) {
			e.put(parcel{fin: true})
		}
	}
}
