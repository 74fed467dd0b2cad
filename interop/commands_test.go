package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/interop/harness"
)

// zabra is a command of the binary. It does not outlive the test.
func zabra(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, env.ZabraBinary, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ZABRA_") })
	return cmd
}

// A statusReport is what zabra status --json prints.
type statusReport struct {
	Verdict  string
	Leader   int
	Servers  []statusRow
	Problems []string
	code     int
}

type statusRow struct {
	ID          *int
	Address     string
	State, Role string
	Version     string
	Zxid        string
	Lag         *int64 `json:"lag_transactions"`
	Connections *int64
	Nodes       *int64 `json:"znodes"`
	Uptime      *int64 `json:"uptime_ms"`
}

func status(t *testing.T, addrs string, more ...string) (r statusReport) {
	t.Helper()
	cmd := zabra(t, append([]string{"status", "--json", "--timeout", "10s", "--max-lag", "10s", "--server", addrs}, more...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	r.code = cmd.ProcessState.ExitCode()
	return r
}

// wantStatus waits for a verdict.
func wantStatus(t *testing.T, addrs, verdict string, code int, more ...string) (r statusReport) {
	t.Helper()
	eventually(t, func() string {
		if r = status(t, addrs, more...); r.Verdict != verdict || r.code != code {
			return fmt.Sprintf("%s, exit code %d, %q; want %s", r.Verdict, r.code, r.Problems, verdict)
		}
		return ""
	})
	return r
}

// zabra status tells of every server what that says of itself, whosever it is, and of
// what is missing.
func TestStatusOfMixedEnsembles(t *testing.T) {
	for _, members := range []string{"aza", "oozZ"} {
		t.Run(members, func(t *testing.T) {
			parallel(t)
			n := env.StartEnsemble(t, harness.Members(members), harness.Config{"4lw.commands.whitelist": "srvr,mntr"})
			r := wantStatus(t, n.Addrs(), "ok", 0)
			leader := n.Leader(t)
			if r.Leader != leader.ID || len(r.Servers) != len(n.Servers) {
				t.Fatalf("%+v", r)
			}
			for i, s := range n.Servers {
				row, role := r.Servers[i], "follower"
				switch {
				case s == leader:
					role = "leader"
				case s.Observer():
					role = "observer"
				}
				if row.ID == nil || *row.ID != s.ID || row.Address != s.Addr || row.State != "serving" || row.Role != role ||
					!strings.HasPrefix(row.Version, "3.") || row.Nodes == nil || row.Connections == nil || row.Uptime == nil || (row.Lag == nil) != (s == leader) {
					t.Errorf("%s: %+v", name(s), row)
				}
			}
			gone := n.Others(leader)[0]
			gone.Kill()
			r = wantStatus(t, n.Addrs(), "degraded", 1)
			if row := r.Servers[gone.ID-1]; row.State != "no answer" || *row.ID != gone.ID || row.Address != gone.Addr {
				t.Errorf("%+v", row)
			}
			leader.Kill() // two of three voters are gone
			wantStatus(t, n.Addrs(), "down", 3)
			n.KillAll()
			wantStatus(t, n.Addrs(), "down", 3)
		})
	}
}

// Where no word but srvr is allowed, which is so by default, the admin server tells the
// rest, and all where srvr is not either.
func TestStatusByAdminServer(t *testing.T) {
	eachServer(t, harness.Config{"admin.enableServer": "true", "4lw.commands.whitelist": "ruok"}, func(t *testing.T, s *harness.Server) {
		_, port, _ := strings.Cut(s.AdminAddr, ":")
		eventually(t, func() string { // Apache's admin server takes its time at first
			r := status(t, s.Addr, "--admin-port", port)
			for _, row := range r.Servers {
				if row.Address == s.Addr && row.State == "serving" && row.Uptime != nil && row.Role == s.Mode() && row.Nodes != nil {
					return ""
				}
			}
			return fmt.Sprintf("%+v", r)
		})
	})
}

// From one address all are found, where the configuration has the addresses.
func TestStatusFindsTheOthers(t *testing.T) {
	parallel(t)
	r := &reconfiguration{t: t, n: env.StartEnsemble(t, harness.Members("zaz"), reconfigConfig())}
	lines := strings.Join([]string{r.joining(1, "participant"), r.joining(2, "participant"), r.joining(3, "participant")}, ",")
	r.ask(r.server(1), "", "", lines)
	for _, s := range r.n.Servers {
		got := wantStatus(t, s.Addr, "ok", 0)
		if len(got.Servers) != 3 || got.Leader != r.n.Leader(t).ID {
			t.Errorf("from %s: %+v", name(s), got)
		}
	}
}

// A registering process is zabra register under way.
type registering struct {
	t   *testing.T
	cmd *exec.Cmd
}

func register(t *testing.T, address string, args ...string) *registering {
	t.Helper()
	cmd := zabra(t, append([]string{"register", "--server", address, "--session-timeout", "4s"}, args...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &registering{t, cmd}
}

// end is as an operator ends it.
func (r *registering) end() error {
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return r.cmd.Wait()
}

// Curator finds what zabra register registers, and loses it when that ends.
func TestRegisterWithCurator(t *testing.T) {
	eachAlone(t, harness.Config{}, func(t *testing.T, s *harness.Server) {
		p, prog := besideCurator(t, s)
		var r *registering
		p.on(prog, map[string]func() error{
			"register": func() error {
				r = register(t, s.Addr, "web", "--base", "/mixed/services", "--address", "10.0.0.1:81", "--id", "zabra", "--", "sleep", "1000")
				return p.sees("/mixed/services/web/zabra", true)
			},
			"unregister": func() error {
				var exit *exec.ExitError
				if err := r.end(); !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGTERM) {
					return fmt.Errorf("zabra register: %v", err)
				}
				return p.sees("/mixed/services/web/zabra", false)
			},
		})
		got := strings.Join(prog.Run(t), "\n")
		if !strings.HasSuffix(got, "instance -> zabra 10.0.0.1 81 true DYNAMIC\nleft -> 1 curator\nEND") {
			t.Error(got)
		}
	})
}

// sees waits until a node is there, or is not.
func (p *partner) sees(path string, want bool) error {
	for {
		if _, there, err := p.c.Exists(p.ctx, path); err != nil || there == want {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// What is registered comes back with another session when the first one has ended.
func TestRegisterOutlivesSessions(t *testing.T) {
	eachAlone(t, harness.Config{"tickTime": "500"}, func(t *testing.T, s *harness.Server) {
		p, way := newPartner(t, s), harness.NewProxy(t, s.Addr)
		r := register(t, way.Addr, "web", "--address", "10.0.0.1:81", "--id", "a")
		const path = "/services/web/a"
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(p.sees(path, true))
		_, first, err := p.c.Get(p.ctx, path)
		must(err)
		way.Cut()
		must(p.sees(path, false))
		way.Join()
		must(p.sees(path, true))
		_, second, err := p.c.Get(p.ctx, path)
		must(err)
		if first.EphemeralOwner == second.EphemeralOwner {
			t.Error("the session did not end")
		}
		must(r.end())
		_, there, err := p.c.Exists(p.ctx, path)
		if there || err != nil {
			t.Error("it has left its node", err)
		}
		if err := p.c.Delete(p.ctx, "/services/web", client.AnyVersion); err != nil {
			t.Error(err)
		}
	})
}
