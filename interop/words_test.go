package interop

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// serverPair is the peer and the subject after the same requests: one session
// with an ephemeral node, one data watch and one child watch, and one session
// that has asked for nothing yet.
type serverPair struct {
	peer, subject *harness.Server
}

func startPair(t *testing.T, c harness.Config) serverPair {
	t.Helper()
	parallel(t)
	p := serverPair{env.Start(t, harness.Apache, c), env.Start(t, env.Subject(), c)}
	for _, s := range []*harness.Server{p.peer, p.subject} {
		busy := newProber(t, s)
		busy.run([]row{{what: "setup", op: raw.OpCreate, body: flags("/e", 1), want: "0"}})
		for _, op := range []raw.Op{raw.OpGetData, raw.OpGetChildren} {
			busy.run([]row{{what: "watch", op: op, body: raw.Read("/e", true), want: "0"}})
		}
		newProber(t, s)
	}
	return p
}

// word sends the word to both servers and normalises the answers. An answer that counts
// connections is waited for until it counts the two sessions and its own: who has hung up
// is counted until that is seen.
func (p serverPair) word(t *testing.T, word string, masks []maskRule) (peer, subject []string) {
	t.Helper()
	out := make([][]string, 2)
	for i, s := range []*harness.Server{p.peer, p.subject} {
		var text string
		eventually(t, func() string {
			var err error
			if text, err = s.Word(word); err != nil {
				t.Fatalf("%s: %s: %v", s.Kind, word, err)
			}
			if _, counts, ok := strings.Cut(text, "Connections: "); ok && !strings.HasPrefix(counts, "3\n") {
				return fmt.Sprintf("%s: %s: not three connections:\n%s", s.Kind, word, text)
			}
			return ""
		})
		for _, m := range masks {
			text = m.re.ReplaceAllString(text, m.with)
		}
		out[i] = strings.Split(text, "\n")
	}
	return out[0], out[1]
}

type maskRule struct {
	re   *regexp.Regexp
	with string
}

func mask(pairs ...string) []maskRule {
	var m []maskRule
	for i := 0; i < len(pairs); i += 2 {
		m = append(m, maskRule{regexp.MustCompile(pairs[i]), pairs[i+1]})
	}
	return m
}

// always hides what differs between any two servers.
var always = mask(
	`3\.9\.5[^\n]*`, "VERSION",
	`127\.0\.0\.1:\d+`, "ADDR",
	`[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ \S+ \d{4}`, "DATE",
	`/[^ \n]*/(data|zabra)\S*`, "DIR",
	`0x[0-9a-f]{8,}`, "SESSION",
	`clientPort=\d+`, "clientPort=N",
	`(size|Size): ?\d+`, "$1: N",
	`(dataDirSize|dataLogSize)=\d+`, "$1=N",
)

// timing hides what depends on how fast the machine is.
var timing = mask(
	`min/avg/max: \d+/\d+(\.\d{1,4})?/\d+`, "min/avg/max: N/N/N",
	`(est|lresp|llat|minlat|avglat|maxlat)=\d+`, "$1=N",
	`\[\d\]\(`, "[N](", // interest ops: whether the socket is being read just now
	` /ADDR\[.\]\(queued=0,recved=\d,sent=0\)\n`, "", // the connection of the word itself
	`queued=\d,`, "queued=N,", // the peer counts an answer as under way for a moment after it was read
	`(Received|Sent): \d+`, "$1: N", // the harness asks srvr until it is answered
)

// TestWords compares the four-letter words: the same lines with the same values,
// but for addresses, times and sizes.
func TestWords(t *testing.T) {
	p := startPair(t, nil)
	masks := slices.Concat(always, timing)
	for _, w := range []string{
		"srvr", "stat", "cons", "conf", "wchs", "wchc", "wchp", "dirs", "isro", "ruok", "gtmk", "stmk\x00\x00\x00\x00\x00\x00\x01\x32",
		"hash", "crst", "srst", "\xff\xf4\xff\xfd",
	} {
		t.Run(sprintf("%.4q", w), func(t *testing.T) {
			peer, subject := p.word(t, w, masks)
			sort.Strings(peer) // connections come in any order
			sort.Strings(subject)
			compareLines(t, peer, subject)
		})
	}
}

func compareLines(t *testing.T, peer, subject []string) {
	t.Helper()
	for _, l := range missingFrom(subject, peer) {
		t.Errorf("missing: %q", l)
	}
	for _, l := range missingFrom(peer, subject) {
		t.Errorf("not in the reference: %q", l)
	}
}

// missingFrom lists the lines of want that lines lacks, each as often as it does.
func missingFrom(lines, want []string) []string {
	have := map[string]int{}
	for _, l := range lines {
		have[l]++
	}
	var missing []string
	for _, l := range want {
		if have[l]--; have[l] < 0 {
			missing = append(missing, l)
		}
	}
	return missing
}

// TestWordDump leaves the connection buckets out: they are those of the
// reference's socket loop.
func TestWordDump(t *testing.T) {
	p := startPair(t, nil)
	peer, subject := p.word(t, "dump", always)
	upTo := func(lines []string) []string {
		i := slices.Index(lines, "Connections dump:")
		if i < 0 {
			t.Errorf("no connections in %q", lines)
			return lines
		}
		lines = slices.DeleteFunc(lines[:i], func(l string) bool { return strings.HasSuffix(l, "expire at DATE:") })
		return lines
	}
	sets := regexp.MustCompile(`Session Sets \(\d+\)/\(\d+\)`)
	peer, subject = upTo(peer), upTo(subject)
	for _, lines := range [][]string{peer, subject} {
		for i := range lines {
			lines[i] = sets.ReplaceAllString(lines[i], "Session Sets (N)/(N)")
		}
	}
	compareLines(t, peer, subject)
}

// TestWordEnvironment wants the reference's keys in its order.
func TestWordEnvironment(t *testing.T) {
	p := startPair(t, nil)
	peer, subject := p.word(t, "envi", nil)
	keys := func(lines []string) []string {
		var k []string
		for _, l := range lines {
			key, _, _ := strings.Cut(l, "=")
			k = append(k, key)
		}
		return k
	}
	compareKeys(t, keys(peer), keys(subject))
}

func compareKeys(t *testing.T, peer, subject []string) {
	t.Helper()
	if missing := missingFrom(subject, peer); len(missing) > 0 {
		t.Errorf("missing: %q", missing)
	}
	if more := missingFrom(peer, subject); len(more) > 0 {
		t.Logf("more than the reference: %q", more)
	}
}

// TestWordsBeforeWhitelist sees the answers of words that are not enabled.
func TestWordsBeforeWhitelist(t *testing.T) {
	p := startPair(t, harness.Config{"4lw.commands.whitelist": "srvr"})
	for _, w := range []string{"srvr", "stat", "ruok", "mntr", "isro", "wchc", "gtmk"} {
		peer, subject := p.word(t, w, slices.Concat(always, timing))
		compareLines(t, peer, subject)
	}
}

// dashboards are the metrics that dashboards and alerts use and that every
// server has: those of ensembles and of features that are off are not here.
var dashboards = strings.Fields(`
	zk_version zk_server_state
	zk_znode_count zk_watch_count zk_ephemerals_count zk_approximate_data_size
	zk_num_alive_connections zk_outstanding_requests zk_uptime
	zk_avg_latency zk_min_latency zk_max_latency zk_packets_received zk_packets_sent
	zk_global_sessions zk_local_sessions zk_open_file_descriptor_count zk_max_file_descriptor_count
	zk_last_client_response_size zk_min_client_response_size zk_max_client_response_size
	zk_connection_drop_probability zk_outstanding_tls_handshake zk_auth_failed_count
	zk_bytes_received_count zk_response_bytes zk_watch_bytes
	zk_connection_request_count zk_connection_rejected zk_connection_drop_count zk_connection_revalidate_count
	zk_sessionless_connections_expired zk_stale_sessions_expired
	zk_commit_count zk_proposal_count zk_snap_count zk_diff_count zk_looking_count
	zk_stale_requests zk_stale_requests_dropped zk_stale_replies zk_throttled_ops
	zk_large_requests_rejected zk_request_throttle_wait_count
	zk_response_packet_cache_hits zk_response_packet_cache_misses
	zk_unsuccessful_handshake zk_digest_mismatches_count zk_unrecoverable_error_count
	zk_avg_fsynctime zk_max_fsynctime zk_cnt_fsynctime zk_sum_fsynctime
	zk_avg_snapshottime zk_avg_dbinittime
	zk_avg_readlatency zk_p99_readlatency zk_p999_readlatency zk_cnt_readlatency
	zk_avg_updatelatency zk_p50_updatelatency zk_p95_updatelatency zk_max_updatelatency
	zk_avg_prep_processor_queue_size zk_p99_prep_processor_queue_time_ms zk_avg_prep_process_time
	zk_avg_sync_processor_queue_size zk_p99_sync_processor_queue_time_ms
	zk_avg_node_created_watch_count zk_avg_node_deleted_watch_count
	zk_avg_node_changed_watch_count zk_avg_node_children_watch_count
	zk_avg_startup_txns_loaded zk_avg_jvm_pause_time_ms
`)

// sameValue are metrics whose values both servers must agree on after the same
// requests.
var sameValue = []string{
	"zk_server_state", "zk_znode_count", "zk_watch_count", "zk_ephemerals_count",
	"zk_global_sessions", "zk_outstanding_requests", "zk_approximate_data_size",
}

// perMachine are metrics about the peer's own machinery (the JVM's, for example)
// that another server has no use for, by prefix. Everything else of mntr must be
// there.
var perMachine = []string{"zk_jvm_"}

func TestMonitor(t *testing.T) {
	p := startPair(t, nil)
	peer, subject := monitor(t, p.peer), monitor(t, p.subject)
	for _, name := range dashboards {
		for _, m := range []map[string]string{peer, subject} {
			if _, ok := m[name]; !ok {
				t.Errorf("%s is missing (peer has it: %v)", name, peer[name] != "")
			}
		}
	}
	for _, name := range sameValue {
		if peer[name] != subject[name] {
			t.Errorf("%s: peer %s, subject %s", name, peer[name], subject[name])
		}
	}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(peer)) {
		if _, ok := subject[name]; !ok && !anyPrefix(name, perMachine) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d metrics are missing: %v", len(missing), len(peer), missing)
	}
	for name, v := range peer {
		if s, ok := subject[name]; ok && strings.Contains(v, ".") != strings.Contains(s, ".") && name != "zk_version" {
			t.Errorf("%s: peer writes %s, subject %s", name, v, s)
		}
	}
}

func monitor(t *testing.T, s *harness.Server) map[string]string {
	t.Helper()
	text, err := s.Word("mntr")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for l := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		if !ok {
			t.Errorf("%s: mntr line %q without a tab", s.Kind, l)
		}
		if _, twice := m[name]; twice {
			t.Errorf("%s: %s is there twice", s.Kind, name)
		}
		m[name] = value
	}
	return m
}

func anyPrefix(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
