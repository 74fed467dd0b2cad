package server

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/admin"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/wire"
)

// What operators see of a member: Status.Mode, the Ensemble of the admin commands, and
// the metrics that only members have.

// mode is the server's part in its ensemble as the admin commands call it.
func (s *standing) mode() string {
	if s.readOnly {
		return "read-only"
	}
	switch s.state {
	case wire.Leading:
		return "leader"
	case wire.Following:
		return "follower"
	case wire.Observing:
		return "observer"
	}
	return "looking"
}

// peerState is ZooKeeper's zk_peer_state.
func (s *standing) peerState() string {
	state := map[wire.ServerState]string{
		wire.Leading: "leading", wire.Following: "following", wire.Observing: "observing",
	}[s.state]
	if state == "" {
		return "looking"
	}
	return state + " - " + s.phase
}

func (n node) Ensemble() *admin.Ensemble {
	m := n.s.member
	if m == nil {
		return nil
	}
	s := m.stand()
	if s.readOnly {
		return nil
	}
	config := m.config.Load()
	e := &admin.Ensemble{
		PeerState: s.peerState(), ZabState: s.phase, LeaderID: s.leader, Voting: config.IsVoter(m.id),
		ObserverMaster: s.master, HasObserverMaster: s.state == wire.Observing,
	}
	if l, ok := config.Server(s.leader); ok {
		e.LeaderIP = addrOf(l.Addrs[0].Host).String()
	}
	if self, ok := config.Server(m.id); ok {
		for _, a := range self.Addrs {
			ip := addrOf(a.Host)
			e.Quorum = append(e.Quorum, netip.AddrPortFrom(ip, uint16(a.QuorumPort)))
			e.Election = append(e.Election, netip.AddrPortFrom(ip, uint16(a.ElectionPort)))
		}
		e.Client = clientOf(self)
	}
	for _, v := range config.Servers {
		if v.Role == quorum.Participant {
			e.VotingView = append(e.VotingView, memberView(v))
		}
	}
	if l := s.learners(); l != nil {
		e.Observers = l.observers()
	}
	return e
}

// learners are those of a leader, or the observers of a follower; nil if there can be none.
func (s *standing) learners() *learners {
	switch r := s.role.(type) {
	case *learners:
		return r
	case *upstream:
		return r.observers()
	}
	return nil
}

func memberView(s quorum.Server) admin.Member {
	v := admin.Member{ID: s.ID, Client: clientOf(s)}
	for _, a := range s.Addrs {
		v.Servers = append(v.Servers, a.Quorum().String())
		v.Election = append(v.Election, a.Election().String())
	}
	return v
}

func clientOf(s quorum.Server) string {
	if s.Client.IsZero() {
		return ""
	}
	return s.Client.String()
}

// resolveLimit bounds the wait for a name server; the answer is for people.
const resolveLimit = time.Second

// addrOf is the address of a host, the zero one if it has none now.
func addrOf(host string) netip.Addr {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveLimit)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(all) == 0 {
		return netip.Addr{}
	}
	return all[0].Unmap()
}

// memberConfig is what conf shows of a member beside the rest.
func (m *member) memberConfig(c *admin.Config) {
	e := &m.server.cfg.Ensemble
	config := m.config.Load()
	c.ServerID, c.InitLimit, c.SyncLimit = m.id, e.InitLimit, e.SyncLimit
	self, _ := config.Server(m.id)
	for _, a := range self.Addrs {
		c.ElectionPorts = append(c.ElectionPorts, a.ElectionPort)
		c.QuorumPorts = append(c.QuorumPorts, a.QuorumPort)
	}
	if self.Role == quorum.Observer {
		c.PeerType = 1
	}
	c.Membership = string(config.Text())
}

// each calls f with the connections of learners that have said who they are.
func (l *learners) each(f func(c *learnerConn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if c.sid.Load() != noSID {
			f(c)
		}
	}
}

// count counts the learners that satisfy ok.
func (l *learners) count(ok func(c *learnerConn) bool) func() int64 {
	return func() (n int64) {
		l.each(func(c *learnerConn) {
			if ok(c) {
				n++
			}
		})
		return n
	}
}

// observers are those that are in step.
func (l *learners) observers() (list []admin.Observer) {
	acked := map[wire.SID]wire.Zxid{}
	for _, f := range l.host.Followers() {
		acked[f.SID] = f.Sent
	}
	l.each(func(c *learnerConn) {
		if c.observer.Load() && c.live.Load() {
			list = append(list, c.asObserver(acked))
		}
	})
	return list
}

func (c *learnerConn) asObserver(sent map[wire.SID]wire.Zxid) admin.Observer {
	o := admin.Observer{
		ID: wire.SID(c.sid.Load()), Established: c.began, QueuedBytes: c.Backlog(),
		Received: c.in.Load(), Sent: c.out.Load(), Requests: c.requests.Load(), LastZxid: sent[wire.SID(c.sid.Load())],
	}
	if tcp, ok := c.Remote().(*net.TCPAddr); ok {
		o.Remote = netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap(), tcp.AddrPort().Port())
	}
	return o
}

// memberGauges are those that every member has.
func (s *Server) memberGauges() {
	if s.member != nil {
		s.metrics.QuorumSize.Set(func() int64 { return int64(len(s.member.config.Load().Voters())) })
	}
}

func servedObserver(c *learnerConn) bool { return c.live.Load() && c.observer.Load() }

// leaderGauges provides the metrics of a leader, or with nil takes them away.
func (s *Server) leaderGauges(l *learners) {
	m := s.metrics
	if l == nil {
		for _, g := range []*metrics.Gauge{
			&m.Learners, &m.SyncedFollowers, &m.SyncedNonVotingFollowers, &m.SyncedObservers, &m.PendingSyncs,
			&m.LeaderUptime, &m.LastProposalSize, &m.MinProposalSize, &m.MaxProposalSize,
		} {
			g.Set(nil)
		}
		m.LearnerLag.Set(nil)
		return
	}
	began := time.Now()
	votes := func(c *learnerConn) bool { return s.member.config.Load().IsVoter(wire.SID(c.sid.Load())) }
	follows := func(c *learnerConn) bool { return c.live.Load() && !c.observer.Load() }
	m.Learners.Set(l.count(func(*learnerConn) bool { return true }))
	m.SyncedFollowers.Set(l.count(func(c *learnerConn) bool { return follows(c) && votes(c) }))
	m.SyncedNonVotingFollowers.Set(l.count(func(c *learnerConn) bool { return follows(c) && !votes(c) }))
	m.SyncedObservers.Set(l.count(servedObserver))
	m.PendingSyncs.Set(l.leadership.PendingSyncs)
	m.LearnerLag.Set(func() map[string]int64 {
		lag := map[string]int64{}
		for id, n := range l.leadership.Lag() {
			lag[strconv.FormatInt(int64(id), 10)] = n
		}
		return lag
	})
	m.LeaderUptime.Set(func() int64 { return time.Since(began).Milliseconds() })
	m.ProposalSize.Reset()
	m.LastProposalSize.Set(func() int64 { last, _, _ := m.ProposalSize.Load(); return last })
	m.MinProposalSize.Set(func() int64 { _, low, _ := m.ProposalSize.Load(); return low })
	m.MaxProposalSize.Set(func() int64 { _, _, high := m.ProposalSize.Load(); return high })
}
