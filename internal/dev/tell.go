package dev

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// A teller says what happens, to a person or to a program.
type teller struct {
	o   *Options
	out io.Writer
}

// An event is one line of the JSON.
type event struct {
	Event   string     `json:"event"` // serving, ended, started or role
	Server  int        `json:"server,omitempty"`
	PID     int        `json:"pid,omitempty"`
	Role    string     `json:"role,omitempty"`
	Why     string     `json:"why,omitempty"`      // of ended
	AgainMS int64      `json:"again_ms,omitempty"` // of ended: when it is started again
	Connect string     `json:"connect,omitempty"`  // of serving
	Servers []standing `json:"servers,omitempty"`  // of serving
}

// A standing is a row of the table.
type standing struct {
	ID       int    `json:"id"`
	Role     string `json:"role"`
	Client   string `json:"client"`
	Admin    string `json:"admin"`
	Quorum   string `json:"quorum"`
	Election string `json:"election"`
	PID      int    `json:"pid"`
	Data     string `json:"data"`
}

func (t *teller) say(e event, format string, args ...any) error {
	if t.o.JSON {
		return json.NewEncoder(t.out).Encode(e)
	}
	_, err := fmt.Fprintf(t.out, format+"\n", args...)
	return err
}

func (t *teller) starting() error {
	if t.o.JSON {
		return nil
	}
	_, err := fmt.Fprintf(t.out, "starting %v, data in %s\n", size{t.o.Servers, t.o.Observers}, t.o.Dir)
	return err
}

// serving prints the table.
func (t *teller) serving(servers []*server) error {
	e := event{Event: "serving"}
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, address(s.client))
		e.Servers = append(e.Servers, standing{
			ID: s.id, Role: s.role, Client: address(s.client), Admin: "http://" + address(s.admin) + "/",
			Quorum: address(s.quorum), Election: address(s.election), PID: s.pid(), Data: filepath.Join(t.o.Dir, s.dir()),
		})
	}
	e.Connect = strings.Join(addrs, ",")
	if t.o.JSON {
		return json.NewEncoder(t.out).Encode(e)
	}
	return t.table(&e)
}

func (t *teller) table(e *event) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nserver\trole\tclients\tadmin\tpid\tdata")
	leads := e.Servers[0]
	for _, s := range e.Servers {
		if s.Role == "leader" {
			leads = s
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%s\n", s.ID, s.Role, s.Client, s.Admin, s.PID, s.Data)
	}
	fmt.Fprintf(w, "\nconnect\tzabra cli --server %s\n", e.Connect)
	fmt.Fprintf(w, "\tzkCli.sh -server %s\n", e.Connect)
	fmt.Fprintf(w, "kill the leader\tkill -9 %d\t\n", leads.PID)
	fmt.Fprintln(w, "stop\tCtrl-C")
	if err := w.Flush(); err != nil {
		return err
	}
	// tabwriter pads columns that end a block; nobody wants blanks at line ends.
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(t.out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(t.out)
	return err
}

func (t *teller) ended(s *server, pid int, why string, again time.Duration) error {
	then := "it is left alone"
	if again > 0 {
		then = fmt.Sprintf("it starts again in %v", again)
	}
	return t.say(event{Event: "ended", Server: s.id, PID: pid, Why: why, AgainMS: again.Milliseconds()},
		"server %d (pid %d) has ended: %s; %s", s.id, pid, why, then)
}

func (t *teller) started(s *server) error {
	return t.say(event{Event: "started", Server: s.id, PID: s.pid()}, "server %d runs again, pid %d", s.id, s.pid())
}

// does is what a server of a role does.
var does = map[string]string{"leader": "leads", "follower": "follows", "observer": "observes"}

func (t *teller) role(s *server) error {
	what := does[s.role]
	if what == "" {
		what = "is " + s.role
	}
	return t.say(event{Event: "role", Server: s.id, Role: s.role}, "server %d %s", s.id, what)
}
