package peer

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// ElectionConfig is what an Election needs to know. Receive is required.
type ElectionConfig struct {
	Self wire.SID
	// Addresses are where others reach this server's election port, each
	// host:port; they are told to those who are dialled. With Multi (all servers
	// have multiAddress.enabled) all of them are, otherwise the first. None is
	// ":0", which tells others to use their configuration.
	Addresses []string
	Multi     bool
	Transport Transport
	// MaxWaiting bounds the connections that have not said who they are; 0 is
	// DefaultMaxWaiting.
	MaxWaiting int

	// Receive gets each notification. Calls for one server come one after another,
	// in the order of sending. A call may block, which holds up what comes from
	// that server; but none may wait for Close. n belongs to the callee.
	Receive func(from wire.SID, n wire.Notification)
	// Reachable and Unreachable tell that a connection to a server stands, that
	// one has broken, that dialling a server has failed. The last call for a
	// server says how it is. They may come in any goroutine, and are not repeated
	// but for further attempts that fail. Either may be nil.
	Reachable   func(wire.SID)
	Unreachable func(wire.SID, error)
	Log         *zap.Logger // nil logs nothing
}

// An Election is the election port of a server, and its connections to those of
// others. Its methods may be called from any goroutine.
type Election struct {
	c    ElectionConfig
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
	door door

	mu        sync.Mutex
	listeners []net.Listener
	servers   map[wire.SID][]string
	remotes   map[wire.SID]*remote
	strangers int      // remotes that are not in servers
	anonymous wire.SID // given last to one without an id
	accepts   uint64   // connections accepted
}

// maxStrangers bounds the servers that are known only because they have called:
// those that are about to join, and whoever else can reach the port.
const maxStrangers = 256

// NewElection serves the listeners, which become its own. servers are the members
// and the addresses of their election ports, those of self among them or not.
func NewElection(c ElectionConfig, servers map[wire.SID][]string, listeners ...net.Listener) *Election {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	if len(c.Addresses) == 0 {
		c.Addresses = []string{"0.0.0.0:0"}
	}
	if !c.Multi {
		c.Addresses = c.Addresses[:1]
	}
	if c.Reachable == nil {
		c.Reachable = func(wire.SID) {}
	}
	if c.Unreachable == nil {
		c.Unreachable = func(wire.SID, error) {}
	}
	e := &Election{c: c, door: door{max: c.MaxWaiting}, remotes: map[wire.SID]*remote{}}
	e.ctx, e.stop = context.WithCancel(context.Background())
	e.SetServers(servers)
	e.SetListeners(listeners...)
	return e
}

// SetServers says who belongs to the ensemble, and where their election ports are.
// Connections stay as they are. A server whose addresses have changed is dialled at
// the new ones if anything waits for it.
func (e *Election) SetServers(servers map[wire.SID][]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.servers
	e.servers = maps.Clone(servers)
	e.strangers = 0
	for sid, r := range e.remotes {
		if !e.member(sid) {
			e.strangers++
		}
		if !slices.Equal(old[sid], e.servers[sid]) {
			r.startOver()
		}
		e.forget(r)
	}
}

func (e *Election) member(sid wire.SID) bool {
	_, ok := e.servers[sid]
	return ok
}

// SetListeners closes the listeners that are not among these, and serves these.
func (e *Election) SetListeners(listeners ...net.Listener) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ln := range e.listeners {
		if !slices.Contains(listeners, ln) {
			ln.Close()
		}
	}
	for _, ln := range listeners {
		if e.ctx.Err() != nil {
			ln.Close()
		} else if !slices.Contains(e.listeners, ln) {
			e.wg.Go(func() { acceptAll(e.ctx, ln, e.c.Log, e.accepted) })
		}
	}
	e.listeners = slices.Clone(listeners)
}

// Send has n delivered to a server, in place of what still waits for it, and dials
// it if there is no connection. It never blocks. What is for this server itself, or
// for a server without a connection and without a known address, is dropped.
func (e *Election) Send(to wire.SID, n wire.Notification) {
	frame := n.AppendFrame(nil)
	e.mu.Lock()
	defer e.mu.Unlock()
	if to == e.c.Self || e.ctx.Err() != nil {
		return
	}
	r := e.remotes[to]
	if r == nil {
		if !e.member(to) {
			return
		}
		r = e.add(to)
	}
	r.next = frame
	r.push()
}

// Connected lists the servers to which a connection stands, in ascending order.
func (e *Election) Connected() []wire.SID {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []wire.SID
	for sid, r := range e.remotes {
		if r.link != nil {
			list = append(list, sid)
		}
	}
	slices.Sort(list)
	return list
}

// Close closes the listeners and all connections. When it returns nothing is called
// any more. It must not be called from a callback.
func (e *Election) Close() {
	e.mu.Lock()
	e.stop()
	for _, ln := range e.listeners {
		ln.Close()
	}
	for _, r := range e.remotes {
		if r.link != nil {
			closeNow(r.link.nc)
		}
	}
	e.mu.Unlock()
	e.door.close()
	e.wg.Wait()
}

// add makes the entry of a server. e.mu is held.
func (e *Election) add(sid wire.SID) *remote {
	r := &remote{e: e, sid: sid, changed: make(chan struct{}, 1)}
	e.remotes[sid] = r
	if !e.member(sid) {
		e.strangers++
	}
	return r
}

// forget drops the entry of a stranger of which nothing is left. e.mu is held.
func (e *Election) forget(r *remote) {
	if e.member(r.sid) || r.link != nil || r.dialling || e.remotes[r.sid] != r {
		return
	}
	delete(e.remotes, r.sid)
	e.strangers--
}
