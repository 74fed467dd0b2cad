package server

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

// How often a member says that it cannot serve yet, and why.
const complainEvery = 10 * time.Second

// complain tells of a server that has not served for some time: whom it reaches, whom
// it does not, and what to look at.
func (m *member) complain() {
	m.vouchedFor()
	m.fitAgain()
	s := m.stand()
	if s.lost.IsZero() || time.Since(s.lost) < complainEvery*9/10 {
		return
	}
	reached := append(m.votes.Connected(), m.id)
	missing := slices.DeleteFunc(m.active.Committed.Voters(), func(id wire.SID) bool { return slices.Contains(reached, id) })
	fields := []zap.Field{zap.Duration("for", time.Since(s.lost)), zap.String("phase", s.phase),
		zap.Any("votes reach", ids(reached)), zap.Any("votes do not reach", ids(missing))}
	if s.leader >= 0 {
		fields = append(fields, zap.Int64("leader", int64(s.leader)))
	}
	what := "no clients are served yet"
	if s.readOnly {
		what = "only read-only clients are served"
	}
	m.log.Warn(what, append(fields, zap.String("look at", m.waitsFor(&s, reached)))...)
}

// vouchedFor looks again if an operator has said meanwhile that this server is rightly
// empty.
func (m *member) vouchedFor() {
	if m.role != nil || !m.server.data.untrusted.Load() {
		return
	}
	vouched, err := m.server.data.initialize()
	if err != nil {
		m.log.Warn("the file initialize was not taken", zap.Error(err))
	}
	if vouched {
		m.look(nil)
		m.elect()
	}
}

// fitAgain looks again whether this server can bind its quorum port by now.
func (m *member) fitAgain() {
	if m.role == nil && m.unfit != nil && !m.stillUnfit() {
		m.look(nil)
		m.elect()
	}
}

// untrusted says what a member without a vote waits for, "" if it has one.
func (m *member) untrusted() string {
	d := m.server.data
	file := layoutOf(d.cfg).Initialize()
	switch mark := d.distrusted(); {
	case !d.untrusted.Load():
		return ""
	case mark.why == fresh && !d.isFresh():
		return fmt.Sprintf("this server is empty, and has no vote until a leader has filled it, because db.autocreate=false; "+
			"if the ensemble is new, put an empty file %s on a majority of its servers", file)
	case mark.why == fresh:
		return fmt.Sprintf("this server is empty, and votes only when all voters have said that they are, since it may have lost what it held: "+
			"servers %v have not. Start them. If they hold data, a majority of those that do elects a leader, which fills this server. "+
			"If the ensemble is new and they cannot be started, put an empty file %s on a majority of its servers",
			ids(m.machine.Awaits()), file)
	}
	return fmt.Sprintf("a majority of servers that have not lost their data: this server's were damaged, and it has no vote until a leader has filled it. "+
		"If a majority is damaged or lost, nobody is elected: restore a backup, or the files that are kept in %s, on all servers "+
		"(docs/operating.md, Damaged files)", layoutOf(d.cfg).DamagedData())
}

// heard notes who has a leader, and which.
func (m *member) heard(from wire.SID, n *wire.Notification) {
	if n.State != wire.Following && n.State != wire.Leading {
		delete(m.led, from)
		return
	}
	if m.led == nil {
		m.led = map[wire.SID]wire.SID{}
	}
	m.led[from] = n.Leader
}

// mistaken are the servers that follow one with this one's id.
func (m *member) mistaken() (list []wire.SID) {
	for id, leader := range m.led {
		if leader == m.id {
			list = append(list, id)
		}
	}
	return list
}

// waitsFor says what an operator may look at.
func (m *member) waitsFor(s *standing, reached []wire.SID) string {
	own := m.active.Committed
	switch {
	case !own.HasQuorum(func(id wire.SID) bool { return slices.Contains(reached, id) }):
		return fmt.Sprintf("whether the other servers run, and their election ports, the second in a server line, can be reached; "+
			"and whether another server has %d in its file myid", m.id)
	case s.state == wire.Looking && len(m.mistaken()) > 0:
		return fmt.Sprintf("another server with the number %d in its file myid: servers %v follow one, and it is not this one",
			m.id, ids(m.mistaken()))
	case s.state == wire.Looking && m.untrusted() != "" && len(m.led) == 0: // it needs no vote to follow
		return m.untrusted()
	case s.state == wire.Looking && m.unfit != nil:
		return fmt.Sprintf("the quorum port of this server, which has what the others lack, and cannot lead: %v", m.unfit)
	case s.state == wire.Looking:
		return "the logs of the others: whether all server lines are the same everywhere, and every myid is used once"
	case s.state == wire.Leading:
		return "the logs of the others: whether they reach the quorum port of this server, the first in its server line"
	}
	return "the log of the leader, and whether its quorum port, the first in its server line, can be reached from here"
}

func ids(list []wire.SID) (out []int64) {
	for _, id := range list {
		out = append(out, int64(id))
	}
	slices.Sort(out)
	return out
}

// why are the fields of a line about a role that has ended.
func why(err error) []zap.Field {
	fields := []zap.Field{zap.Error(err)}
	if what := remedy(err); what != "" {
		fields = append(fields, zap.String("look at", what))
	}
	return fields
}

// remedy says what an operator may do about the end of a connection, or of a role, if
// it comes again and again.
func remedy(err error) string {
	var (
		slow     *zab.SlowError
		timeout  *zab.TimeoutError
		ahead    *zab.AheadError
		replaced *zab.ReplacedError
		resync   *zab.ResyncError
		network  *net.OpError
	)
	switch {
	case errors.As(err, &slow):
		return "the disk of that server and the network to it; syncLimit bounds how long a server may lag"
	case errors.As(err, &ahead):
		return "whether that server belongs to another ensemble, or the others were restored from older data"
	case errors.As(err, &replaced):
		return "whether two servers have the same number in their files myid, if this is seen again and again"
	case errors.As(err, &resync):
		return "nothing, unless it comes again: the state is fetched anew"
	case errors.As(err, &timeout):
		return "the network between the servers, and their load; initLimit and syncLimit bound the wait"
	case errors.Is(err, zab.ErrLostQuorum), errors.Is(err, zab.ErrNoElectors):
		return "whether the other servers run, and the network to them"
	case errors.As(err, &network) && network.Op == "dial":
		return "whether the leader runs, and whether its quorum port, the first in its server line, can be reached"
	}
	return ""
}
