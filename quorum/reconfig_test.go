package quorum

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
	"pgregory.net/rapid"
)

func everybody(wire.SID) bool { return true }

func request(joining, leaving, members string, from int64) *wire.ReconfigRequest {
	return &wire.ReconfigRequest{Joining: joining, Leaving: leaving, NewMembers: members, CurConfigID: from}
}

const none = wire.NullString

func TestReconfigure(t *testing.T) {
	active := Active{Committed: mustParse(t, lines(3, 1)+"version=100000005")}
	for name, tt := range map[string]struct {
		req  *wire.ReconfigRequest
		want string // of the new text
	}{
		"leave": {request(none, "3", none, -1),
			"server.1=h1:2888:3888:participant;0.0.0.0:2181\nserver.2=h2:2888:3888:participant;0.0.0.0:2181\n" +
				"server.4=h4:2888:3888:observer;0.0.0.0:2181\nversion=100000009"},
		"leave who is not there, blanks": {request("", " 3 , ,9", none, 0x100000005),
			"server.1=h1:2888:3888:participant;0.0.0.0:2181\nserver.2=h2:2888:3888:participant;0.0.0.0:2181\n" +
				"server.4=h4:2888:3888:observer;0.0.0.0:2181\nversion=100000009"},
		"join, change a role, and leave": {request("server.5=h5:1:2:observer;3, server.4=h4:2888:3888;2181", "1,2", none, -1),
			"server.3=h3:2888:3888:participant;0.0.0.0:2181\nserver.4=h4:2888:3888:participant;0.0.0.0:2181\n" +
				"server.5=h5:1:2:observer;0.0.0.0:3\nversion=100000009"},
		"leave and join again": {request("server.3=h9:1:2;3", "3,4", none, -1),
			"server.1=h1:2888:3888:participant;0.0.0.0:2181\nserver.2=h2:2888:3888:participant;0.0.0.0:2181\n" +
				"server.3=h9:1:2:participant;0.0.0.0:3\nversion=100000009"},
		"all anew": {request("server.9=x:1:2;3", "1", "server.7=h7:1:2,server.8=h8:1:2\nversion=77", -1),
			"server.7=h7:1:2:participant\nserver.8=h8:1:2:participant\nversion=100000009"},
		"all anew with groups": {request(none, none, "server.7=h7:1:2,server.8=h8:1:2,group.1=7:8,weight.8=2", -1),
			"server.7=h7:1:2:participant\nserver.8=h8:1:2:participant\ngroup.1=7:8\nweight.7=1\nweight.8=2\nversion=100000009"},
		"nothing": {request(none, none, none, -1),
			strings.Replace(active.Committed.String(), "100000005", "100000009", 1)},
	} {
		before := active.Committed.String()
		got, err := active.Reconfigure(tt.req, Reconfig{Enabled: true, StandaloneEnabled: true, Version: 0x100000009, Synced: everybody})
		if err != nil || got.String() != tt.want {
			t.Errorf("%s: got %s %v\nwant %s", name, got, err, tt.want)
		}
		if active.Committed.String() != before {
			t.Fatalf("%s: the old configuration was changed", name)
		}
	}
}

func TestRefusedReconfigurations(t *testing.T) {
	committed := mustParse(t, lines(3, 1)+"version=5")
	grouped := mustParse(t, lines(3, 0)+"group.1=1:2:3\nversion=5")
	on := Reconfig{Enabled: true, StandaloneEnabled: true, Version: 9, Synced: everybody}
	with := func(change func(*Reconfig)) Reconfig {
		r := on
		change(&r)
		return r
	}
	for name, tt := range map[string]struct {
		active Active
		req    *wire.ReconfigRequest
		r      Reconfig
		want   wire.Code
	}{
		"disabled":            {Active{Committed: committed, Proposed: at(7, committed)}, request(none, "3", none, 4), with(func(r *Reconfig) { r.Enabled = false }), wire.ReconfigDisabled},
		"under way":           {Active{Committed: committed, Proposed: at(7, committed)}, request(none, "3", none, 4), on, wire.ReconfigInProgress},
		"from another":        {only(committed), request("x", "3", none, 4), on, wire.BadVersion},
		"no id":               {only(committed), request(none, "x", none, -1), on, wire.BadArguments},
		"no line":             {only(committed), request("server.5", "", none, -1), on, wire.BadArguments},
		"a bad line":          {only(committed), request("server.5=h", "", none, -1), on, wire.BadArguments},
		"a bad host":          {only(committed), request("server.5=h 5:1:2;3", "", none, -1), on, wire.BadArguments},
		"two values":          {only(committed), request("server.5=h:1:2;3=4", "", none, -1), on, wire.BadArguments},
		"no client port":      {only(committed), request("server.5=h:1:2", "", none, -1), on, wire.BadArguments},
		"an address of 2":     {only(committed), request("server.5=H2:1:2888;3", "", none, -1), on, wire.BadArguments},
		"an address of its":   {only(committed), request("server.5=h5:1:2;3,server.6=h6:1:2;h5:2", "", none, -1), on, wire.BadArguments},
		"groups":              {only(grouped), request(none, "3", none, -1), on, wire.BadArguments},
		"a bad list":          {only(committed), request(none, none, "server.1=h", -1), on, wire.BadArguments},
		"an empty list":       {only(committed), request(none, none, "", -1), on, wire.BadArguments},
		"one voter":           {only(committed), request(none, "2,3", none, -1), on, wire.BadArguments},
		"no voter":            {only(committed), request(none, "1,2,3", none, -1), with(func(r *Reconfig) { r.StandaloneEnabled = false }), wire.BadArguments},
		"new ones not synced": {only(committed), request(none, none, "server.1=a:1:2,server.5=b:1:2,server.6=c:1:2", -1), with(func(r *Reconfig) { r.Synced = committed.IsVoter }), wire.NewConfigNoQuorum},
	} {
		_, err := tt.active.Reconfigure(tt.req, tt.r)
		var refusal *ReconfigError
		if !errors.As(err, &refusal) || refusal.Code != tt.want || !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
			continue
		}
		if !strings.HasPrefix(err.Error(), "reconfig: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := only(committed).Reconfigure(request(none, "2,3", none, -1), with(func(r *Reconfig) { r.StandaloneEnabled = false })); err != nil {
		t.Errorf("one voter where standalone is not enabled: %v", err)
	}
	// Addresses that mean another machine to each reader do not clash.
	local := mustParse(t, "server.1=localhost:1:2;5\nserver.2=127.0.0.1:3:4;5\nserver.3=[::1]:1:2;[::]:5")
	if _, err := local.Incremental("server.4=127.0.0.1:3:4;5,server.5=localhost:1:2;5,server.6=[::1]:1:2;5", "", 9); err != nil {
		t.Error(err)
	}
}

func at(version int64, c Config) Config {
	c.Version = version
	return c
}

func only(c Config) Active { return Active{Committed: c} }

// Of a line in the cause, the client's log says which.
func TestReconfigErrorTellsTheCause(t *testing.T) {
	_, err := Full("server.1=h", 1)
	var line *LineError
	if !errors.As(err, &line) || line.Key != "server.1" {
		t.Errorf("got %v", err)
	}
}

// Whatever a client asks for, what is taken is valid, can be written and read, and
// has the members that were asked for.
func TestIncrementalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t, "c")
		c.Groups, c.Weights = nil, nil
		joining := rapid.SliceOfN(rapid.StringMatching(`server\.[1-9]=[a-c]:[1-3]:[4-6](:observer)?;[7-9]`), 0, 4).Draw(t, "joining")
		leaving := rapid.SliceOfN(rapid.StringMatching(`[1-9]`), 0, 4).Draw(t, "leaving")
		next, err := c.Incremental(strings.Join(joining, ","), strings.Join(leaving, ","), 77)
		if err != nil {
			return
		}
		if problems := next.Check(); problems != nil || next.Version != 77 {
			t.Fatalf("%s: %v", next, problems)
		}
		for id := wire.SID(1); id < 10; id++ {
			joins := slices.ContainsFunc(joining, func(s string) bool { return s[7] == byte('0'+id) })
			leaves := slices.Contains(leaving, string(rune('0'+id)))
			if want := joins || c.IsMember(id) && !leaves; next.IsMember(id) != want {
				t.Fatalf("%s\nbecame %s with %v, without %v", c, next, joining, leaving)
			}
		}
	})
}

func FuzzReconfig(f *testing.F) {
	f.Add("server.5=h5:1:2;3", "1,2", none)
	f.Add(none, "", "server.1=a:1:2,server.2=b:1:2")
	f.Add("server.5=[::1]:1:2:observer;[::]:3,server.1=x:1:2;3", "9", none)
	active := Active{Committed: mustParse(f, lines(3, 1))}
	f.Fuzz(func(t *testing.T, joining, leaving, members string) {
		next, err := active.Reconfigure(request(joining, leaving, members, -1), Reconfig{Enabled: true, Version: 9, Synced: everybody})
		if err != nil {
			return
		}
		if again := mustParse(t, next.String()); !again.Equal(next) || again.String() != next.String() {
			t.Fatalf("%s became %s", next, again)
		}
	})
}
