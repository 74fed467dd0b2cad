package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// listen binds the election port where the newest configuration known here says. A
// server that was removed, and is to join again, is in that of the files only.
func (m *member) listen(ctx context.Context) error {
	self, ok := m.remembered().Committed.Server(m.id)
	if !ok {
		self, ok = m.active.Committed.Server(m.id)
	}
	if !ok {
		return fmt.Errorf("server: myid is %d, and there is no line server.%d=...: add it, or correct the file myid", m.id, m.id)
	}
	e := &m.server.cfg.Ensemble
	if self.Role == quorum.Participant {
		// Nobody would notice before it is elected, which may be months from now.
		if err := m.tryQuorum(ctx, self, e.ElectionPortBindRetry); err != nil {
			return err
		}
	}
	listeners, err := m.bindElection(ctx, self, e.ElectionPortBindRetry)
	if err != nil {
		return err
	}
	m.votes = peer.NewElection(peer.ElectionConfig{
		Self: m.id, Addresses: electionAddrs(self), Multi: e.MultiAddress, Log: m.log.Named("election"),
		Transport: m.carrier,
		Receive: func(from wire.SID, n wire.Notification) {
			select {
			case m.unread <- struct{}{}:
			case <-m.closed:
				return
			}
			m.mail.put(func() {
				<-m.unread
				m.heard(from, &n)
				m.machine.Receive(m.now(), from, &n)
			})
		},
		Reachable:   func(id wire.SID) { m.mail.put(func() { m.machine.Reachable(id) }) },
		Unreachable: func(id wire.SID, _ error) { m.mail.put(func() { m.machine.Unreachable(m.now(), id) }) },
	}, m.electionServers(), listeners...)
	return nil
}

// bindElection binds the election ports of this server's line.
func (m *member) bindElection(ctx context.Context, self quorum.Server, tries int) (listeners []net.Listener, err error) {
	for _, a := range self.Addrs {
		ln, err := peer.Bind(ctx, m.bindAddr(a.Election()), tries, time.Second)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("server: election port: %w; %s", err, m.remedy(err)), closeAll(listeners))
		}
		listeners = append(listeners, ln)
	}
	m.bound = electionAddrs(self)
	return listeners, nil
}

// move listens for votes where this server's line says now, if that has changed. If it
// cannot, it goes on where it was; the next election tries again.
func (m *member) move() {
	self, ok := m.active.Committed.Server(m.id)
	if !ok || slices.Equal(electionAddrs(self), m.bound) {
		return
	}
	listeners, err := m.bindElection(context.Background(), self, 1)
	if err != nil {
		m.log.Error("this server cannot listen for votes where its line says", zap.Error(err))
		return
	}
	m.votes.SetListeners(listeners...)
	m.log.Info("listening for votes elsewhere", zap.Strings("at", m.bound))
}

// remedy is what to do about a port of this server's line that cannot be bound.
func (m *member) remedy(err error) string {
	what := bindRemedy(err, fmt.Sprintf("the line server.%d", m.id))
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		what += ", or set quorumListenOnAllIPs=true if others reach it there all the same"
	}
	return what
}

func closeAll(listeners []net.Listener) (err error) {
	for _, ln := range listeners {
		err = errors.Join(err, ln.Close())
	}
	return err
}

// bindAddr is where a port of this server is bound.
func (m *member) bindAddr(a quorum.HostPort) string {
	if m.server.cfg.Ensemble.ListenOnAllIPs {
		a.Host = ""
	}
	return a.String()
}

func electionAddrs(s quorum.Server) (addrs []string) {
	for _, a := range s.Addrs {
		addrs = append(addrs, a.Election().String())
	}
	return addrs
}

func (m *member) electionServers() map[wire.SID][]string {
	servers := map[wire.SID][]string{}
	for _, s := range m.active.Committed.Servers {
		servers[s.ID] = electionAddrs(s)
	}
	for _, s := range m.active.Proposed.Servers {
		servers[s.ID] = electionAddrs(s)
	}
	return servers
}
