package status

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/zabra/zabra/client"
)

// Options say whom to ask, and how long.
type Options struct {
	// Servers are addresses of clients, host:port.
	Servers []string
	// Timeout bounds the time for one server. 2 s if zero.
	Timeout time.Duration
	// MaxLag is how much later than the leader a server may have a transaction. 1 s if
	// zero.
	MaxLag time.Duration
	// AdminPort is where admin servers are asked, 0 for not at all.
	AdminPort int
	// Auth and SASL are identities for the session that reads the configuration; only
	// servers that refuse sessions without one want them.
	Auth []client.Auth
	SASL client.SASL
	// TLS has sessions and words go by TLS; the admin servers are asked without. A
	// config without ServerName verifies the name of the server it connects to.
	TLS *tls.Config
	// Dial makes connections. A net.Dialer if nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.MaxLag == 0 {
		o.MaxLag = time.Second
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return o
}

// An Asker asks the servers of one ensemble, again and again. Its methods are for one
// goroutine.
type Asker struct {
	o       Options
	http    *http.Client
	members members
	looked  time.Time // when the members were looked for last
}

// New makes an Asker. It asks nobody yet.
func New(o Options) *Asker {
	o = o.withDefaults()
	transport := &http.Transport{DialContext: o.Dial, DisableKeepAlives: true}
	return &Asker{o: o, http: &http.Client{Transport: transport}}
}

// lookAgain is how often an Asker looks for members. Each time costs a session.
const lookAgain = 30 * time.Second

// Ask asks all servers and judges what they say. It takes a little longer than
// Options.Timeout at most, and Options.MaxLag more if some are behind.
func (a *Asker) Ask(ctx context.Context) *Report {
	r := &Report{Time: time.Now().UTC(), Servers: []*Server{}, Problems: []string{}}
	if time.Since(a.looked) > lookAgain {
		a.look(ctx)
	}
	r.Servers = a.members.servers()
	each(r.Servers, func(s *Server) { a.ask(ctx, s) })
	r.Servers = distinct(r.Servers)
	a.compare(ctx, r)
	r.judge(a.members.config)
	return r
}

// each calls f for all servers at once, and returns when all calls have.
func each(servers []*Server, f func(*Server)) {
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() { f(s) })
	}
	wg.Wait()
}

// errTimeout is why nothing more is waited for.
var errTimeout = errors.New("timeout")

func (a *Asker) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, a.o.Timeout, fmt.Errorf("no answer within %v: %w", a.o.Timeout, errTimeout))
}

// An answer is what a server said on one way of asking.
type answer struct {
	server *Server
	err    error
}

// later asks while the caller goes on.
func later(ask func() (*Server, error)) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		s, err := ask()
		c <- answer{s, err}
	}()
	return c
}

// adminShare is which part of the time for a server its admin server gets where only
// mntr's answer is missing: its port is often closed to others.
const adminShare = 4

// ask fills in what one server says.
func (a *Asker) ask(ctx context.Context, s *Server) {
	if s.Address == "" {
		s.State, s.Why = NoAddress, "the address of its clients is not in the configuration: give it with --server"
		return
	}
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	s.asked = time.Now()
	admin := later(func() (*Server, error) { return a.admin(ctx, s.Address) })
	mntr := later(func() (*Server, error) { return a.mntr(ctx, s.Address) })
	srvr, err := a.srvr(ctx, s.Address)
	switch {
	case err == nil:
		s.take(srvr)
		more := <-mntr
		if more.err != nil {
			more = within(ctx, a.o.Timeout/adminShare, admin)
		}
		if more.err == nil {
			s.add(more.server)
		}
	case errors.Is(err, errNotAllowed):
		told := <-admin
		s.allowed(told)
	case errors.Is(err, errNotServing):
		s.State, s.Why = NotServing, err.Error()
	default:
		s.State, s.Why = NoAnswer, err.Error()
	}
}

// within waits for an answer for so long.
func within(ctx context.Context, d time.Duration, c <-chan answer) answer {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case told := <-c:
		return told
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
}

// allowed takes what the admin server says in place of the word srvr.
func (s *Server) allowed(told answer) {
	switch {
	case told.err == nil:
		s.take(told.server)
		s.add(told.server)
		s.byAdmin = true
	case errors.Is(told.err, errNotServing):
		s.State, s.Why = NotServing, told.err.Error()
	default:
		s.State = NotAllowed
		s.Why = fmt.Sprintf("put srvr and mntr into its 4lw.commands.whitelist, or let its admin server be reached (--admin-port): %v", told.err)
	}
}

// take takes what srvr tells.
func (s *Server) take(t *Server) {
	s.State, s.Role, s.Version, s.Nodes = Serving, t.Role, t.Version, t.Nodes
	s.Latency, s.Connections, s.Outstanding = t.Latency, t.Connections, t.Outstanding
	s.setZxid(t.zxid)
	if s.ID == nil && t.Role != standalone {
		s.ID = t.ID
	}
}

// add takes what mntr tells beside that.
func (s *Server) add(t *Server) {
	s.UptimeMS, s.PeerState, s.SyncedFollowers = t.UptimeMS, t.PeerState, t.SyncedFollowers
	if s.ID == nil && s.Role != standalone {
		s.ID = t.ID
	}
}
