package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

const notServing = "This ZooKeeper instance is not currently serving requests"

// mntr is what the word says, by name.
func (s *site) mntr(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.Lines(s.word(t, "mntr")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			values[name] = value
		}
	}
	return values
}

// command is the answer of an admin command.
func (s *site) command(t *testing.T, name string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(s.ask(t, http.MethodGet, "/commands/"+name, "", nil).body, &fields); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return fields
}

// holds wants values under their names.
func holds(t *testing.T, who string, got map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: %s is %q, want %q", who, name, got[name], value)
		}
	}
}

// lead returns the server that leads, and the others.
func lead(t *testing.T, sites []*site) (leader *site, id int, others []*site) {
	t.Helper()
	for i, s := range sites {
		if strings.Contains(s.word(t, "srvr"), "Mode: leader\n") {
			leader, id = s, i+1
		} else {
			others = append(others, s)
		}
	}
	if leader == nil || len(others) != len(sites)-1 {
		t.Fatalf("%d of %d servers do not lead", len(others), len(sites))
	}
	return leader, id, others
}

// said is how often a server's log holds a line, as the value of a metric.
func (s *site) said(msg string) string {
	return fmt.Sprint(strings.Count(s.log.String(), `"msg":"`+msg+`"`))
}

// What each member says of itself and of the others, and what it counts. An election may
// take more than one round, and a learner more than one attempt; the log tells how many.
func TestMembersTellTheirRoles(t *testing.T) {
	sites := startEnsemble(t, 3)
	for i, s := range sites {
		for k := range 5 {
			s.client().create(fmt.Sprintf("/n%d%d", i, k), "x", wire.ModePersistent)
		}
	}
	leader, id, followers := lead(t, sites)
	leader.eventually("two synchronised followers", func() bool { return leader.mntr(t)["zk_synced_followers"] == "2" })
	if got := leader.word(t, "srvr"); !strings.Contains(got, "\nProposal sizes last/min/max: ") || strings.Contains(got, "-1/-1/-1") {
		t.Errorf("srvr of the leader: %s", got)
	}
	holds(t, "leader", leader.mntr(t), map[string]string{
		"zk_server_state": "leader", "zk_peer_state": "leading - broadcast", "zk_learners": "2", "zk_quorum_size": "3",
		"zk_synced_observers": "0", "zk_synced_non_voting_followers": "0", "zk_pending_syncs": "0",
		"zk_looking_count": leader.said("looking for a leader"), "zk_cnt_election_time": leader.said("a leader is elected"),
		"zk_cnt_unavailable_time": "1", "zk_cnt_leader_unavailable_time": "1", "zk_learner_proposal_received_count": "0",
	})
	for other := 1; other <= 3; other++ {
		name, want := fmt.Sprintf("zk_%d_learner_lag", other), "0"
		if other == id {
			want = ""
		}
		leader.eventually(name, func() bool { return leader.mntr(t)[name] == want })
		for _, s := range followers {
			holds(t, "follower", s.mntr(t), map[string]string{name: ""})
		}
	}
	if m := leader.mntr(t); m["zk_cnt_quorum_ack_latency"] == "0" || m["zk_cnt_propagation_latency"] == "0" || m["zk_leader_uptime"] == "" ||
		m["zk_proposal_count"] != m["zk_cnt_quorum_ack_latency"] || m[fmt.Sprintf("zk_cnt_%d_ack_latency", 1+id%3)] == "" {
		t.Errorf("the leader does not count what followers acknowledge: %v", m)
	}
	m := leader.mntr(t)
	diffs, _ := strconv.Atoi(m["zk_diff_count"])
	snaps, _ := strconv.Atoi(m["zk_snap_count"])
	if fmt.Sprint(diffs+snaps) != leader.said("bringing a learner up to date") || diffs+snaps < 2 {
		t.Errorf("two followers were brought up to date by %d DIFF and %d SNAP", diffs, snaps)
	}
	leader.eventually("packets to learners to be measured", func() bool {
		n := leader.mntr(t)[fmt.Sprintf("zk_cnt_%d_learner_handler_qp_time_ms", 1+id%3)]
		return n != "" && n != "0"
	})
	for _, s := range followers {
		m := s.mntr(t)
		holds(t, "follower", m, map[string]string{
			"zk_server_state": "follower", "zk_peer_state": "following - broadcast", "zk_quorum_size": "3",
			"zk_learners": "", "zk_leader_uptime": "", "zk_last_proposal_size": "",
			"zk_cnt_follower_sync_time": s.said("serving"), "zk_cnt_leader_unavailable_time": "0", "zk_cnt_unavailable_time": s.said("serving"),
		})
		for _, name := range []string{"zk_learner_proposal_received_count", "zk_learner_commit_received_count", "zk_cnt_propagation_latency",
			"zk_cnt_proposal_ack_creation_latency"} {
			if m[name] == "0" {
				t.Errorf("a follower counts no %s", name)
			}
		}
		if got := s.word(t, "isro"); got != "rw" {
			t.Errorf("isro: %q", got)
		}
	}
	for i, s := range sites {
		conf := s.word(t, "conf")
		for _, line := range []string{fmt.Sprintf("serverId=%d\n", i+1), "initLimit=20\nsyncLimit=40\nelectionAlg=3\nelectionPort=", "\nquorumPort=",
			"\npeerType=0\nmembership: \nserver.1=127.0.0.1:", ":participant\nversion=0"} {
			if !strings.Contains(conf, line) {
				t.Errorf("conf of server %d lacks %q:\n%s", i+1, line, conf)
			}
		}
		if got := s.command(t, "leader"); got["is_leader"] != (i+1 == id) || got["leader_id"] != float64(id) || got["leader_ip"] != "127.0.0.1" {
			t.Errorf("leader: %v", got)
		}
		if got := s.command(t, "zabstate"); got["voting"] != true || got["zabstate"] != "broadcast" || got["myid"] != float64(i+1) {
			t.Errorf("zabstate: %v", got)
		}
		if view, _ := s.command(t, "voting_view")["current_config"].(map[string]any); len(view) != 3 {
			t.Errorf("voting view: %v", view)
		}
	}
}

// last is the last line of a server's log with a message, and what it says.
func (s *site) last(t *testing.T, msg string) (fields map[string]any) {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"msg":"`+msg+`"`) {
			fields = map[string]any{}
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	}
	if fields == nil {
		t.Fatalf("the log does not say %q", msg)
	}
	return fields
}

// The log says why there was an election, who was elected and why it could end, who leads
// since when, and for how long nobody was served; the metric for how long this one leads.
func TestTheLogTellsOfElections(t *testing.T) {
	sites := startEnsemble(t, 3)
	leader, id, followers := lead(t, sites)
	leader.halt()
	for _, s := range followers {
		s.eventually("the others to serve", s.serves)
	}
	next, nextID := followers[0], 0
	for i, s := range sites {
		if s != leader && strings.Contains(s.word(t, "srvr"), "Mode: leader\n") {
			next, nextID = s, i+1
		}
	}
	if nextID == 0 {
		t.Fatal("nobody leads")
	}
	for _, s := range followers {
		if why := s.last(t, "looking for a leader")["error"]; why == nil || why == "" {
			t.Error("why the leader was lost is not said")
		}
		elected := s.last(t, "a leader is elected")
		if elected["leader"] != float64(nextID) || elected["because"] == nil || elected["because"] == "none" || elected["took"] == nil {
			t.Errorf("elected: %v", elected)
		}
		serving := s.last(t, "serving")
		as := "follower"
		if s == next {
			as = "leader"
		}
		if serving["as"] != as || serving["leader"] != float64(nextID) || serving["epoch"] == float64(0) || serving["ts"] == nil || serving["not served for"] == nil {
			t.Errorf("serving: %v", serving)
		}
	}
	uptime := func() (ms int) {
		ms, _ = strconv.Atoi(next.mntr(t)["zk_leader_uptime"])
		return ms
	}
	first := uptime()
	next.eventually("the time since it leads to grow", func() bool { return uptime() > first })
	since := next.last(t, "serving")["ts"].(float64)
	led := time.Since(time.UnixMicro(int64(since * 1e6)))
	if ms := time.Duration(uptime()) * time.Millisecond; ms < led-time.Second || ms > led+patience {
		t.Errorf("it leads for %v by the metric, and for %v by the log", ms, led)
	}

	// Without a quorum a leader says what to look at.
	for _, s := range sites {
		if s != next && s != leader {
			s.halt()
		}
	}
	next.eventually("the leader to give up", func() bool {
		fields := next.last(t, "looking for a leader")
		return fields["look at"] == "whether the other servers run, and the network to them"
	})
	if id == nextID {
		t.Error("the same server leads")
	}
}

// A server without a leader says that it does not serve, and why it looks for one.
func TestMemberWithoutQuorumDoesNotServe(t *testing.T) {
	sites := startEnsemble(t, 3)
	leader, _, followers := lead(t, sites)
	for _, s := range followers {
		s.halt()
	}
	leader.eventually("the leader to give up", func() bool { return strings.TrimSpace(leader.word(t, "srvr")) == notServing })
	leader.eventually("the leader to look for another", func() bool { return leader.command(t, "zabstate")["zabstate"] == "election" })
	for word, want := range map[string]string{"stat": notServing, "mntr": notServing, "conf": notServing, "isro": "null", "ruok": "imok"} {
		if got := strings.TrimSpace(leader.word(t, word)); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	for _, command := range []string{"leader", "voting_view", "server_stats", "is_read_only", "ruok"} {
		if got := leader.command(t, command); got["error"] != notServing {
			t.Errorf("%s: %v", command, got)
		}
	}
	if got := leader.command(t, "zabstate"); got["zabstate"] != "election" || got["is_leader"] != false {
		t.Errorf("zabstate: %v", got)
	}
	if got := leader.command(t, "monitor"); got["peer_state"] != "looking" ||
		fmt.Sprint(got["looking_count"]) != leader.said("looking for a leader") || got["learners"] != nil {
		t.Errorf("monitor: peer_state %v, looking_count %v, learners %v", got["peer_state"], got["looking_count"], got["learners"])
	}
	if got := leader.ask(t, http.MethodGet, "/readyz", "", nil).status; got != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d", got)
	}
	for _, line := range []string{"looking for a leader", "no quorum of servers is in contact", "a learner has gone", "a learner is up to date"} {
		leader.eventually("a line of the log: "+line, func() bool { return strings.Contains(leader.log.String(), line) })
	}
}

// A member takes snapshots and restores none: the others would not have it.
func TestSnapshotAndRestoreOfMembers(t *testing.T) {
	sites := startEnsemble(t, 3)
	sites[0].client().create("/n", "x", wire.ModePersistent)
	agree(t, sites, "/n", "x")
	for i, s := range sites {
		snapshot := s.ask(t, http.MethodGet, "/commands/snapshot", asSuper, nil)
		if snapshot.status != http.StatusOK || len(snapshot.body) == 0 {
			t.Errorf("snapshot of server %d: %d %s", i+1, snapshot.status, snapshot.body)
		}
		r := s.ask(t, http.MethodPost, "/commands/restore", asSuper, strings.NewReader(string(snapshot.body)))
		if r.status != http.StatusConflict || !strings.Contains(string(r.body), "a member of an ensemble cannot restore a snapshot") {
			t.Errorf("restore of server %d: %d %s", i+1, r.status, r.body)
		}
		names, err := os.ReadDir(s.dir)
		if err != nil || !slices.ContainsFunc(names, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "snapshot.") }) {
			t.Errorf("server %d has no snapshot file: %v", i+1, err)
		}
	}
	agree(t, sites, "/n", "x")
}
