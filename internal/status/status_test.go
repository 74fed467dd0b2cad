package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/testserver"
	"github.com/zabra/zabra/wire"
)

// three is an ensemble whose server 2 leads.
func three(t *testing.T) (ensemble, []*fake) {
	t.Helper()
	z := wire.MakeZxid(5, 100)
	config := membersText("10.0.0.1", "10.0.0.2", "10.0.0.3")
	modes := []string{"follower", "leader", "follower"}
	e, fakes := ensemble{}, []*fake{}
	for i, mode := range modes {
		f := &fake{id: byte(i + 1), config: config, words: map[string]string{"srvr": srvr(mode, z), "mntr": notListed("mntr")}}
		e[fmt.Sprintf("10.0.0.%d:2181", i+1)] = f.run(t)
		fakes = append(fakes, f)
	}
	fakes[1].say("mntr", mntr)
	return e, fakes
}

func ask(t *testing.T, o Options) *Report {
	t.Helper()
	if o.Timeout == 0 { // all answer at once, if the machine is not busy
		o.Timeout = 30 * time.Second
	}
	return New(o).Ask(t.Context())
}

// brief is a report in a few words.
func brief(r *Report) string {
	var b strings.Builder
	for _, s := range r.Servers {
		id := "?"
		if s.ID != nil {
			id = fmt.Sprint(*s.ID)
		}
		fmt.Fprintf(&b, "%s %s %s %s; ", id, s.Address, s.State, s.Role)
	}
	return b.String() + string(r.Verdict)
}

func wantBrief(t *testing.T, r *Report, want string) {
	t.Helper()
	if got := brief(r); got != want {
		t.Errorf("got  %s\nwant %s\n%v", got, want, r.Problems)
	}
}

// From one address it finds the others.
func TestOneAddressIsEnough(t *testing.T) {
	e, _ := three(t)
	r := ask(t, Options{Servers: []string{"10.0.0.3:2181"}, Dial: e.dial})
	wantBrief(t, r, "1 10.0.0.1:2181 serving follower; 2 10.0.0.2:2181 serving leader; 3 10.0.0.3:2181 serving follower; ok")
	l := r.Servers[1]
	if *r.Leader != 2 || l.Zxid != "0x500000064" || *l.Epoch != 5 || l.Latency.String() != "0/0.25/17ms" || *l.Connections != 3 ||
		*l.Outstanding != 2 || *l.Nodes != 5 || *l.UptimeMS != 93784000 || l.PeerState != "leading - broadcast" || *l.SyncedFollowers != 2 || l.Lag != nil {
		t.Errorf("%+v", l)
	}
	if f := r.Servers[0]; *f.Lag != 0 || *f.LagMS != 0 || f.UptimeMS != nil {
		t.Errorf("%+v", f)
	}
	var text, form bytes.Buffer
	if err := r.WriteText(&text, func(_ Paint, s string) string { return s }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"server  address        role      epoch  zxid         lag  latency        conns  queued  znodes  uptime  version\n",
		"1       10.0.0.1:2181  follower  5      0x500000064  0    0/0.25/17ms    3      2       5       -       3.9.5\n",
		"2       10.0.0.2:2181  leader    5      0x500000064  -    0/0.25/17ms    3      2       5       1d2h    3.9.5\n",
		"\nok: 3 of 3 servers serve, server 2 (10.0.0.2:2181) leads\n",
	} {
		if !strings.Contains(oneBlank(text.String()), oneBlank(want)) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if err := json.NewEncoder(&form).Encode(r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"verdict":"ok"`, `"leader":2`, `"problems":[]`, `"lag_transactions":null`, `"uptime_ms":null`, `"zxid":"0x500000064"`} {
		if !strings.Contains(form.String(), want) {
			t.Errorf("no %s in %s", want, form.String())
		}
	}
}

func oneBlank(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	return strings.Join(lines, "\n")
}

// A server that is gone, one that says nothing, and one that serves nobody are rows.
func TestTroubleIsARow(t *testing.T) {
	e, fakes := three(t)
	delete(e, "10.0.0.1:2181")
	fakes[2].silent.Store(true)
	r := ask(t, Options{Servers: []string{"10.0.0.2:2181"}, Dial: e.dial, Timeout: 3 * time.Second})
	wantBrief(t, r, "1 10.0.0.1:2181 no answer ; 2 10.0.0.2:2181 serving leader; 3 10.0.0.3:2181 no answer ; degraded")
	want := []string{
		"server 1 (10.0.0.1:2181) does not answer: connection refused",
		"server 3 (10.0.0.3:2181) does not answer: no answer within 3s: timeout",
	}
	if !slices.Equal(r.Problems, want) {
		t.Errorf("%q", r.Problems)
	}

	fakes[1].say("srvr", notServing+"\n")
	r = ask(t, Options{Servers: []string{"10.0.0.1:2181", "10.0.0.2:2181", "10.0.0.3:2181"}, Dial: e.dial, Timeout: 3 * time.Second})
	wantBrief(t, r, "1 10.0.0.1:2181 no answer ; 2 10.0.0.2:2181 not serving ; 3 10.0.0.3:2181 no answer ; down")
	if p := r.Problems[len(r.Problems)-1]; p != "nobody serves" {
		t.Errorf("%q", r.Problems)
	}
}

// A server that is behind is waited for, so long as it may be.
func TestLag(t *testing.T) {
	e, fakes := three(t)
	fakes[0].say("srvr", srvr("follower", wire.MakeZxid(5, 90)))
	fakes[2].say("srvr", srvr("observer", wire.MakeZxid(4, 9999)))
	caught := make(chan struct{})
	go func() {
		defer close(caught)
		for fakes[2].said("srvr") < 3 {
			time.Sleep(time.Millisecond)
		}
		fakes[2].say("srvr", srvr("observer", wire.MakeZxid(5, 101)))
	}()
	o := Options{Servers: []string{"10.0.0.2:2181"}, Dial: e.dial, MaxLag: time.Minute, Timeout: 30 * time.Second}
	a := New(o)
	go func() {
		<-caught
		for fakes[0].said("srvr") < 6 {
			time.Sleep(time.Millisecond)
		}
		fakes[0].say("srvr", srvr("follower", wire.MakeZxid(5, 100)))
	}()
	r := a.Ask(t.Context())
	wantBrief(t, r, "1 10.0.0.1:2181 serving follower; 2 10.0.0.2:2181 serving leader; 3 10.0.0.3:2181 serving observer; ok")
	if f, o := r.Servers[0], r.Servers[2]; *f.Lag != 10 || *f.LagMS == 0 || *o.Lag != 100 || f.Late || o.Late {
		t.Errorf("%+v %+v", f, o)
	}
	fakes[0].say("srvr", srvr("follower", wire.MakeZxid(5, 90)))
	a.o.MaxLag = 50 * time.Millisecond
	r = a.Ask(t.Context())
	if f := r.Servers[0]; r.Verdict != Degraded || !f.Late || len(r.Problems) != 1 || !strings.HasPrefix(r.Problems[0], "server 1 (10.0.0.1:2181) is behind the leader: 10 transactions, and more than ") {
		t.Errorf("%+v %q", f, r.Problems)
	}
}

// A leader that has just been elected has a zxid of its epoch that no transaction has.
func TestBehind(t *testing.T) {
	for _, tc := range []struct {
		of, by wire.Zxid
		want   int64
	}{
		{wire.MakeZxid(5, 7), wire.MakeZxid(6, 0), 0},
		{wire.MakeZxid(5, 7), wire.MakeZxid(6, 3), 3},
		{wire.MakeZxid(6, 1), wire.MakeZxid(6, 3), 2},
		{wire.MakeZxid(6, 4), wire.MakeZxid(6, 3), 0},
	} {
		if got := behind(&Server{zxid: tc.of}, &Server{zxid: tc.by}); got != tc.want {
			t.Errorf("%v behind %v: %d, want %d", tc.of, tc.by, got, tc.want)
		}
	}
}

// Where no word is in the whitelist the admin server is asked, if it is the server's.
func TestAdminServer(t *testing.T) {
	e, fakes := three(t)
	for _, f := range fakes {
		f.say("srvr", notListed("srvr"))
		f.say("mntr", notListed("mntr"))
	}
	mux := http.NewServeMux()
	answers := map[string]string{
		"configuration": `{"client_port": 2181, "server_id": 2, "command": "configuration", "error": null}`,
		"server_stats": `{"version": "3.9.5-zabra", "read_only": false, "node_count": 6, "error": null, "server_stats": {"server_state": "leader",
			"last_processed_zxid": 21474836580, "outstanding_requests": 1, "num_alive_client_connections": 4, "min_latency": 0, "avg_latency": 0.5, "max_latency": 9}}`,
		"monitor": `{"server_state": "leader", "uptime": 61000.0, "synced_followers": 2, "peer_state": "leading - broadcast", "error": null}`,
	}
	for name, text := range answers {
		mux.HandleFunc("/commands/"+name, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	}
	admin := httptest.NewServer(mux)
	t.Cleanup(admin.Close)
	e["10.0.0.2:8080"] = admin.Listener.Addr().String()
	r := ask(t, Options{Servers: []string{"10.0.0.1:2181"}, Dial: e.dial, AdminPort: 8080})
	wantBrief(t, r, "1 10.0.0.1:2181 not allowed ; 2 10.0.0.2:2181 serving leader; 3 10.0.0.3:2181 not allowed ; degraded")
	if l := r.Servers[1]; l.Zxid != "0x500000064" || *l.UptimeMS != 61000 || *l.Connections != 4 || *l.Nodes != 6 || *l.SyncedFollowers != 2 {
		t.Errorf("%+v", l)
	}
	if !strings.Contains(r.Problems[0], "put srvr and mntr into its 4lw.commands.whitelist") {
		t.Errorf("%q", r.Problems)
	}
	answers["configuration"] = `{"client_port": 2182, "server_id": 2, "error": null}`
	r = ask(t, Options{Servers: []string{"10.0.0.1:2181"}, Dial: e.dial, AdminPort: 8080})
	if r.Verdict != Degraded && r.Verdict != Down {
		t.Error(brief(r))
	}
}

// What no server of an ensemble should be is a problem.
func TestJudge(t *testing.T) {
	for want, change := range map[string]func([]*fake){
		"server 1 (10.0.0.1:2181) stands alone":                               func(f []*fake) { f[0].say("srvr", srvr("standalone", 1)) },
		"server 3 (10.0.0.3:2181) has no quorum":                              func(f []*fake) { f[2].say("srvr", srvr("read-only", 1)) },
		"nobody of those who answer leads":                                    func(f []*fake) { f[1].say("srvr", notServing) },
		"server 3 (10.0.0.3:2181) believes that it leads, and so does server": func(f []*fake) { f[2].say("srvr", srvr("leader", wire.MakeZxid(4, 9))) },
		"leads, and 1 of 2 followers are in step with it": func(f []*fake) {
			f[1].say("mntr", strings.Replace(mntr, "followers\t2", "followers\t1", 1))
		},
		"it is no ZooKeeper server: it answers srvr with \"hello\"": func(f []*fake) { f[0].say("srvr", "hello") },
		"it closed the connection without answering srvr":           func(f []*fake) { f[0].say("srvr", "") },
	} {
		e, fakes := three(t)
		change(fakes)
		r := ask(t, Options{Servers: []string{"10.0.0.1:2181", "10.0.0.2:2181", "10.0.0.3:2181"}, Dial: e.dial})
		if r.Verdict != Degraded || !strings.Contains(strings.Join(r.Problems, "\n"), want) {
			t.Errorf("%s, %q; want %q", r.Verdict, r.Problems, want)
		}
	}
}

// A real server, alone.
func TestStandalone(t *testing.T) {
	s := testserver.Start(t)
	r := ask(t, Options{Servers: []string{s.Addr()}})
	if r.Verdict != OK || len(r.Servers) != 1 || r.Servers[0].Role != standalone || r.Servers[0].ID != nil || r.Servers[0].UptimeMS == nil {
		t.Errorf("%s %q", brief(r), r.Problems)
	}
	s.Stop()
	r = ask(t, Options{Servers: []string{s.Addr()}, Timeout: time.Second}) // it is refused at once
	wantBrief(t, r, "? "+s.Addr()+" no answer ; down")
}

// A prover counts how often it is to prove who it is.
type prover struct{ n atomic.Int32 }

func (p *prover) Begin(context.Context, string) (client.SASLExchange, error) {
	p.n.Add(1)
	return nil, errors.New("no proof today")
}

// The session that looks for the members proves by SASL who it is.
func TestSessionsProveWhoTheyAre(t *testing.T) {
	e, fakes := three(t)
	p := new(prover)
	r := ask(t, Options{Servers: []string{"10.0.0.1:2181"}, Dial: e.dial, SASL: p, Timeout: 4 * time.Second})
	if p.n.Load() == 0 || len(r.Servers) != 1 || fakes[0].said("srvr") == 0 {
		t.Errorf("%d %s", p.n.Load(), brief(r))
	}
}
