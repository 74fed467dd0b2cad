package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

func reconfigConfig() harness.Config {
	c := ensembleConfig()
	c["reconfigEnabled"] = "true"
	return c
}

// reconfigMixes are letters for Members: the last one leads.
var reconfigMixes = []struct {
	name, members string
	long          bool
}{
	{"two Apache under Zabra", "aaz", false},
	{"two Zabra under Apache", "zza", false},
	{"three Zabra", "zzz", false},
	{"Apache and Zabra under Apache", "aza", true},
	{"Apache and Zabra under Zabra", "azz", true},
	{"two Apache 3.8 under Zabra", "ooz", true},
	{"two Zabra under Apache 3.8", "zzo", true},
}

// Members leave, come back in another role and change it, the leader among them, asked
// for through servers of each kind. After each step all servers show one configuration,
// and have it in their files; and servers of either kind start from those.
func TestReconfiguration(t *testing.T) {
	env.Need(t)
	for _, m := range reconfigMixes {
		if m.long && !env.Long {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			r := &reconfiguration{t: t, n: env.StartEnsemble(t, harness.Members(m.members), reconfigConfig())}
			r.agree("at the start", 1, 2, 3)
			r.changes()
			r.restarts()
		})
	}
}

// A reconfiguration is an ensemble that is being changed.
type reconfiguration struct {
	t *testing.T
	n *harness.Ensemble
}

func (r *reconfiguration) server(id int) *harness.Server { return r.n.Servers[id-1] }

// joining is a line for a server that is to come, or to change.
func (r *reconfiguration) joining(id int, role string) string {
	return fmt.Sprintf("server.%d=%s", id, r.server(id).Line(role))
}

func (r *reconfiguration) changes() {
	first, leader := r.server(1), r.n.Leader(r.t)
	other := r.n.Others(leader)
	other = slices.DeleteFunc(other, func(s *harness.Server) bool { return s == first })
	second := other[0]

	r.ask(second, "", fmt.Sprint(first.ID), "")
	r.agree("a follower has left", second.ID, leader.ID)

	r.ask(leader, r.joining(first.ID, "observer"), "", "")
	r.agree("it is back as an observer", 1, 2, 3)
	r.plays(first, "observer")

	r.ask(first, r.joining(first.ID, "participant"), "", "")
	r.agree("it votes again", 1, 2, 3)
	r.plays(first, "follower")

	var all []string
	for id := range r.n.Servers {
		all = append(all, r.joining(id+1, "participant"))
	}
	r.ask(second, "", "", strings.Join(all, ","))
	r.agree("all lines are replaced", 1, 2, 3)

	leader = r.n.Leader(r.t)
	stay := r.n.Others(leader)
	r.ask(stay[0], "", fmt.Sprint(leader.ID), "")
	r.agree("the leader has left", stay[0].ID, stay[1].ID)
	if now := r.n.Leader(r.t); now == leader {
		r.t.Errorf("%s was removed, and leads", name(leader))
	}

	r.ask(stay[1], r.joining(leader.ID, "participant"), "", "")
	r.agree("it is back", 1, 2, 3)
	r.plays(leader, "follower")
	agree(r.t, r.n)
}

// ask has a configuration changed through a server.
func (r *reconfiguration) ask(via *harness.Server, joining, leaving, members string) {
	r.t.Helper()
	orNull := func(b raw.Body, s string) raw.Body {
		if s == "" {
			return b.Null()
		}
		return b.Str(s)
	}
	body := orNull(orNull(orNull(raw.Body{}, joining), leaving), members).Long(-1)
	eventually(r.t, func() string {
		k, why := r.superuser(via, raw.OpReconfig, body)
		if why == "" && k.Err != 0 {
			why = fmt.Sprint("error ", k.Err)
		}
		if why != "" {
			why = fmt.Sprintf("%s: joining %q, leaving %q, members %q: %s", name(via), joining, leaving, members, why)
		}
		return why
	})
}

// superuser sends one request in a session of its own. While roles change, any server
// may end any connection; why says so.
func (r *reconfiguration) superuser(s *harness.Server, op raw.Op, body raw.Body) (reply raw.Packet, why string) {
	conn, _, err := raw.NewSession(s.Addr, 30000)
	if err != nil {
		return reply, err.Error()
	}
	defer conn.Close()
	for xid, send := range []struct {
		op   raw.Op
		body raw.Body
	}{{raw.OpAuth, raw.Auth("digest", []byte("super:secret"))}, {op, body}} {
		if err := conn.Send(int32(xid+1), send.op, send.body); err != nil {
			return reply, err.Error()
		}
		if reply, err = conn.Recv(); err != nil {
			return reply, err.Error()
		}
	}
	return reply, ""
}

// agree waits until the members show one configuration of just them, and have it in
// their files.
func (r *reconfiguration) agree(when string, ids ...int) {
	r.t.Helper()
	r.n.Leader(r.t)
	var first string
	eventually(r.t, func() string {
		first = ""
		for _, id := range ids {
			s := r.server(id)
			if s.Mode() == "" {
				return fmt.Sprintf("%s: %s does not serve", when, name(s))
			}
			shown := r.shown(s)
			version := shown[strings.LastIndexByte(shown, '=')+1:]
			switch file, err := s.Membership(); {
			case err != nil:
				r.t.Fatal(err)
			case first != "" && shown != first:
				return fmt.Sprintf("%s: %s shows\n%s\ninstead of\n%s", when, name(s), shown, first)
			case strings.Count(shown, "server.") != len(ids) || version == "0":
				return fmt.Sprintf("%s: %s shows\n%s", when, name(s), shown)
			case file != shown:
				return fmt.Sprintf("%s: %s has %v, and there\n%s\ninstead of\n%s", when, name(s), s.ConfigFiles(), file, shown)
			default:
				first = shown
			}
		}
		return ""
	})
}

// shown is the configuration that a server shows, its lines sorted and its version
// last.
func (r *reconfiguration) shown(s *harness.Server) string {
	k, why := r.superuser(s, raw.OpGetData, raw.Read("/zookeeper/config", false))
	if why != "" {
		return why
	}
	text := string(raw.NewReader(k.Body).Bytes())
	members, version, _ := strings.Cut(text, "version=")
	return harness.Sorted(members) + "\nversion=" + strings.TrimSpace(version)
}

func (r *reconfiguration) plays(s *harness.Server, mode string) {
	r.t.Helper()
	eventually(r.t, func() string {
		if got := s.Mode(); got != mode {
			return fmt.Sprintf("%s is %q, not %q", name(s), got, mode)
		}
		return ""
	})
}

// restarts starts all servers from the files that they have left, and then each of the
// two that do not lead as one of the other kind, from the files that the first kind has
// left and without any data.
func (r *reconfiguration) restarts() {
	before := r.shown(r.server(1))
	r.n.KillAll()
	for _, s := range r.n.Servers {
		if err := s.Launch(); err != nil {
			r.t.Fatal(err)
		}
	}
	r.n.Await(r.t)
	r.agree("after a restart", 1, 2, 3)
	if after := r.shown(r.server(1)); after != before {
		r.t.Errorf("after a restart it shows\n%s\ninstead of\n%s", after, before)
	}
	for _, s := range r.n.Others(r.n.Leader(r.t)) {
		old := s.Kind
		s.Stop()
		if err := s.Wipe(); err != nil {
			r.t.Fatal(err)
		}
		if s.Kind = harness.Apache; old == harness.Apache {
			s.Kind = env.Subject()
		}
		s.Restart(r.t)
		r.n.Await(r.t)
		r.agree(fmt.Sprintf("%s, which was %s, has started", name(s), old), 1, 2, 3)
	}
	r.ask(r.server(1), "", "2", "")
	r.agree("server 2 has left", 1, 3)
}

// The commands of ZooKeeper's shell, and kazoo, reconfigure an ensemble of Zabra's.
func TestClientsReconfigure(t *testing.T) {
	parallel(t)
	r := &reconfiguration{t: t, n: env.StartEnsemble(t, harness.Members("zzz"), reconfigConfig())}
	follower := r.server(2) // which stays
	out := env.ZkCli(t, follower, strings.Join([]string{
		"addauth digest super:secret",
		"reconfig -remove 1",
		"config",
		"reconfig -add " + r.joining(1, "observer"),
		"config -c",
		"reconfig -v 1 -remove 1",
	}, "\n"))
	for _, want := range []string{"Committed new configuration:", r.joining(1, "observer"), "version No is not valid"} {
		if !strings.Contains(out, want) {
			t.Errorf("the shell does not print %q:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "Committed new configuration:"); n != 2 {
		t.Errorf("%d reconfigurations:\n%s", n, out)
	}
	r.agree("by the shell", 1, 2, 3)

	// Not server 1, whose clients lose their connection as its role changes.
	staying := follower.Addr + "," + r.server(3).Addr
	lines := env.PythonWith(follower, "kazoo_reconfig.py", staying, r.joining(1, "participant"), "1",
		strings.Join([]string{r.joining(1, "observer"), r.joining(2, "participant"), r.joining(3, "participant")}, ",")).Run(t)
	want := []string{"join -> 3 servers", "leave -> 2 servers", "old version -> BadVersionError", "all -> 3 servers", "nobody -> BadArgumentsError", "END"}
	if !slices.Equal(lines, want) {
		t.Errorf("kazoo: %q, want %q", lines, want)
	}
	r.agree("by kazoo", 1, 2, 3)
}
