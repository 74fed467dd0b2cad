package election

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// members returns a configuration of servers 1 to voters and, after them, of
// observers.
func members(voters, observers int) quorum.Config {
	var servers []quorum.Server
	for id := 1; id <= voters+observers; id++ {
		role := quorum.Participant
		if id > voters {
			role = quorum.Observer
		}
		servers = append(servers, server(id, role))
	}
	return must(quorum.New(0, servers, nil, nil))
}

func server(id int, role quorum.Role) quorum.Server {
	return quorum.Server{ID: wire.SID(id), Role: role,
		Addrs: []quorum.PeerAddr{{Host: fmt.Sprintf("h%d", id), QuorumPort: 2888, ElectionPort: 3888}}}
}

func must(c quorum.Config, err error) quorum.Config {
	if err != nil {
		panic(err)
	}
	return c
}

func only(c quorum.Config) quorum.Active { return quorum.Active{Committed: c} }

// started returns a machine of server id that looks for a leader among c, and what
// it did at once.
func started(id wire.SID, c quorum.Config, own Own) (*Machine, Output) {
	m := New(Options{ID: id, Reconfig: true})
	m.Start(0, own, only(c))
	return m, m.Take()
}

// looking is the vote of a server that looks.
func looking(leader wire.SID, zxid wire.Zxid, epoch, round int64) *wire.Notification {
	return &wire.Notification{State: wire.Looking, Leader: leader, Zxid: zxid, Round: round, PeerEpoch: epoch, Version: 2}
}

// settled is the vote of a server that does not.
func settled(state wire.ServerState, leader wire.SID, epoch, round int64) *wire.Notification {
	return &wire.Notification{State: state, Leader: leader, Zxid: 0x100000005, Round: round, PeerEpoch: epoch, Version: 2}
}

// show prints an output as one line for each thing in it.
func show(o Output) string {
	var b strings.Builder
	for _, msg := range o.Messages {
		n := &msg.Notification
		fmt.Fprintf(&b, "to %d: %s %s round %d\n", msg.To, n.State, Vote{n.Leader, n.Zxid, n.PeerEpoch}, n.Round)
	}
	if d := o.Decision; d != nil {
		fmt.Fprintf(&b, "decided: %s %s round %d, %s\n", d.State, d.Vote, d.Round, d.Basis)
	}
	if o.Newer != nil {
		fmt.Fprintf(&b, "newer configuration %x\n", o.Newer.Version)
	}
	if o.Deserted {
		b.WriteString("deserted\n")
	}
	return b.String()
}

// expect compares what a machine did last with lines.
func expect(t *testing.T, o Output, lines ...string) {
	t.Helper()
	want := ""
	for _, l := range lines {
		want += l + "\n"
	}
	if got := show(o); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
