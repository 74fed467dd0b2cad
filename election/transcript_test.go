package election

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// TestTranscripts tells one machine what happens and shows what it does. See
// testdata/transcripts for the stories; the commands are the cases of script.run.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		s := &script{t: t}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t = t
			out := s.run(d)
			if s.m != nil {
				out += show(s.m.Take())
			}
			if out == "" {
				return "ok\n"
			}
			return out
		})
	})
}

type script struct {
	t      *testing.T
	m      *Machine
	now    int64
	active quorum.Active
}

func (s *script) run(d *datadriven.TestData) string {
	if at, ok := arg(d, "at"); ok {
		s.now = s.number(at)
	}
	from, _ := arg(d, "from")
	switch d.Cmd {
	case "server": // id=1 [reconfig]: a new server; the input is its configuration
		id, _ := arg(d, "id")
		_, reconfig := arg(d, "reconfig")
		s.now = 0
		s.m = New(Options{ID: wire.SID(s.number(id)), Reconfig: reconfig})
		s.active = only(s.config(d.Input))
	case "start": // zxid=0x100000005 epoch=1 [untrusted] [observer]
		s.m.Start(s.now, s.own(d), s.active)
	case "hear": // from=2 looking 2 zxid=0x0 epoch=0 round=1 [version=1]; the input is a configuration
		s.m.Receive(s.now, wire.SID(s.number(from)), s.notification(d))
	case "tick":
		s.m.Tick(s.now)
	case "unreachable": // from=3
		s.m.Unreachable(s.now, wire.SID(s.number(from)))
	case "reachable": // from=3
		s.m.Reachable(wire.SID(s.number(from)))
	case "synced": // epoch=2
		epoch, _ := arg(d, "epoch")
		s.m.Synced(wire.Epoch(s.number(epoch)))
	case "settle": // following 3 zxid=0x100000009
		vote := s.notification(d)
		s.m.Settle(vote.State, vote.Leader, vote.Zxid)
	case "reconfigure": // the input is the committed configuration
		s.active = only(s.config(d.Input))
		s.m.Reconfigure(s.now, s.active)
	case "propose": // the input is the configuration under way
		s.active.Proposed = s.config(d.Input)
		s.m.Reconfigure(s.now, s.active)
	case "can-lead": // [connected=(2,3)]
		connected := map[wire.SID]bool{s.m.opts.ID: true}
		for _, a := range d.CmdArgs {
			for _, v := range a.Vals {
				connected[wire.SID(s.number(v))] = true
			}
		}
		return fmt.Sprintln(s.m.CanLead(func(id wire.SID) bool { return connected[id] }))
	case "deadline":
		at, ok := s.m.Deadline()
		return fmt.Sprintln(at, ok)
	default:
		s.t.Fatalf("%s: no command %s", d.Pos, d.Cmd)
	}
	return ""
}

func arg(d *datadriven.TestData, key string) (string, bool) {
	for _, a := range d.CmdArgs {
		if a.Key == key {
			return strings.Join(a.Vals, ","), true
		}
	}
	return "", false
}

func (s *script) number(text string) int64 {
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// config reads a configuration, of which ":" lines may leave out the addresses.
func (s *script) config(text string) quorum.Config {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if key, role, ok := strings.Cut(line, "="); ok && !strings.Contains(role, ":") && strings.HasPrefix(key, "server.") {
			line = fmt.Sprintf("%s=h:1:2:%s", key, role)
		}
		lines = append(lines, line)
	}
	c, err := quorum.Parse([]byte(strings.Join(lines, "\n")))
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *script) own(d *datadriven.TestData) Own {
	var own Own
	if v, ok := arg(d, "zxid"); ok {
		own.LastLogged = wire.Zxid(s.number(v))
	}
	if v, ok := arg(d, "epoch"); ok {
		own.CurrentEpoch = wire.Epoch(s.number(v))
	}
	_, own.Untrusted = arg(d, "untrusted")
	_, own.Observer = arg(d, "observer")
	return own
}

func (s *script) notification(d *datadriven.TestData) *wire.Notification {
	n := &wire.Notification{Version: wire.NotificationVersion, Round: 1}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "looking", "following", "leading", "observing":
			for state := wire.Looking; state.Valid(); state++ {
				if strings.EqualFold(state.String(), a.Key) {
					n.State = state
				}
			}
			if a.Vals[0] == "nobody" {
				n.Leader, n.Zxid, n.PeerEpoch = noVote.Leader, noVote.Zxid, noVote.PeerEpoch
			} else {
				n.Leader = wire.SID(s.number(a.Vals[0]))
			}
		case "zxid":
			n.Zxid = wire.Zxid(s.number(a.Vals[0]))
		case "epoch":
			n.PeerEpoch = s.number(a.Vals[0])
		case "round":
			n.Round = s.number(a.Vals[0])
		case "version":
			n.Version = int32(s.number(a.Vals[0]))
		}
	}
	if d.Input != "" {
		n.Config = s.config(d.Input).Text()
	}
	return n
}
