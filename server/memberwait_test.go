package server

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// What a member that cannot serve says about it depends on whom it reaches.
func TestWhatAMemberWaitsFor(t *testing.T) {
	config, err := quorum.Parse([]byte("server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:participant\nversion=0"))
	if err != nil {
		t.Fatal(err)
	}
	whole := &data{cfg: &zoocfg.Config{}}
	whole.mark.Store(&distrust{})
	for _, tc := range []struct {
		state   wire.ServerState
		reached []wire.SID
		heard   map[wire.SID]wire.Notification
		want    string
	}{
		{wire.Looking, []wire.SID{1}, nil, "whether the other servers run"},
		{wire.Looking, []wire.SID{1, 2}, nil, "server lines are the same everywhere"},
		{wire.Looking, []wire.SID{1, 2}, map[wire.SID]wire.Notification{2: {State: wire.Following, Leader: 3}}, "server lines are the same"},
		{wire.Looking, []wire.SID{1, 2}, map[wire.SID]wire.Notification{2: {State: wire.Following, Leader: 1}}, "number 1 in its file myid: servers [2]"},
		{wire.Leading, []wire.SID{1, 2}, nil, "quorum port of this server"},
		{wire.Following, []wire.SID{1, 2}, nil, "log of the leader"},
	} {
		m := &member{id: 1, active: quorum.Active{Committed: config}, server: &Server{data: whole}}
		for from, n := range tc.heard {
			m.heard(from, &n)
		}
		if got := m.waitsFor(&standing{state: tc.state}, tc.reached); !strings.Contains(got, tc.want) {
			t.Errorf("%v reaching %v: %q, want %q", tc.state, tc.reached, got, tc.want)
		}
	}
	m := &member{id: 1}
	m.heard(2, &wire.Notification{State: wire.Following, Leader: 1})
	m.heard(2, &wire.Notification{State: wire.Looking, Leader: 1})
	if len(m.led) > 0 {
		t.Error("a server that looks again is still said to follow")
	}
}

// Each of the ends that an operator can do something about names that.
func TestRemedies(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&zab.SlowError{SID: 2}, "syncLimit"},
		{&zab.AheadError{SID: 2}, "another ensemble"},
		{&zab.ReplacedError{SID: 2}, "myid"},
		{&zab.ResyncError{}, "fetched anew"},
		{&zab.TimeoutError{}, "initLimit"},
		{zab.ErrLostQuorum, "other servers run"},
		{&net.OpError{Op: "dial"}, "quorum port"},
		{net.ErrClosed, ""},
	} {
		got := remedy(fmt.Errorf("server: %w", tc.err))
		if !strings.Contains(got, tc.want) || tc.want == "" && got != "" {
			t.Errorf("%v: %q, want %q", tc.err, got, tc.want)
		}
	}
}
