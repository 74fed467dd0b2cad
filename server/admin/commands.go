package admin

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// A command is one line of the table of commands.
type command struct {
	names       []string // the primary name first, then aliases
	help        string   // for the front page
	post        bool     // takes POST, not GET
	needsServer bool     // answered by notServing while the server does not serve
	needsAuth   bool     // needs all permissions on the root
	changes     bool     // does something: a page does not link to it
	run         func(a *Admin, r *http.Request) response
}

func (c *command) primary() string { return c.names[0] }

// A response is what a command answers.
type response struct {
	fields object
	err    string // the value of "error", null when empty
	status int    // 0 means 200
	header http.Header
	stream io.ReadCloser // sent instead of JSON, and closed
	size   int64         // of the stream
}

// ok is the answer with these fields.
func ok(fields ...field) response { return response{fields: fields} }

// failed is an answer without fields.
func failed(status int, err string) response { return response{status: status, err: err} }

// commandTable lists the commands of ZooKeeper 3.9.5 and, from its next version,
// shed_connections.
func commandTable() []command {
	return []command{
		{names: []string{"configuration", "conf", "config"}, needsServer: true, run: (*Admin).configuration,
			help: "the configuration in force"},
		{names: []string{"connection_stat_reset", "crst"}, needsServer: true, changes: true, run: (*Admin).connectionStatReset,
			help: "start the statistics of all connections anew"},
		{names: []string{"connections", "cons"}, needsServer: true, run: (*Admin).connections,
			help: "client connections and their statistics"},
		{names: []string{"dirs"}, needsServer: true, run: (*Admin).dirs,
			help: "bytes used by snapshots and logs"},
		{names: []string{"dump"}, needsServer: true, run: (*Admin).dump,
			help: "sessions by expiry, ephemeral znodes by session"},
		{names: []string{"environment", "env", "envi"}, run: (*Admin).environment,
			help: "host, user and memory"},
		{names: []string{"get_trace_mask", "gtmk"}, run: (*Admin).getTraceMask,
			help: "the trace mask"},
		{names: []string{"hash"}, needsServer: true, run: (*Admin).hash,
			help: "digests of the tree"},
		{names: []string{"initial_configuration", "icfg"}, needsServer: true, run: (*Admin).initialConfiguration,
			help: "the configuration file as it was read"},
		{names: []string{"is_read_only", "isro"}, needsServer: true, run: (*Admin).isReadOnly,
			help: "whether only read-only clients are served"},
		{names: []string{"last_snapshot", "lsnp"}, needsServer: true, run: (*Admin).lastSnapshot,
			help: "zxid and time of the last snapshot"},
		{names: []string{"leader", "lead"}, needsServer: true, run: (*Admin).leader,
			help: "who leads the ensemble"},
		{names: []string{"monitor", "mntr"}, run: (*Admin).monitor,
			help: "all metrics"},
		{names: []string{"observer_connection_stat_reset", "orst"}, needsServer: true, changes: true, run: (*Admin).observerStatReset,
			help: "start the statistics of the observers' connections anew"},
		{names: []string{"observers", "obsr"}, needsServer: true, run: (*Admin).observers,
			help: "observers in step with this server"},
		{names: []string{"restore", "rest"}, post: true, needsServer: true, needsAuth: true, run: (*Admin).restore,
			help: "replace the tree with a snapshot (POST)"},
		{names: []string{"ruok"}, needsServer: true, run: (*Admin).areYouOK,
			help: "whether the server serves"},
		{names: []string{"server_stats", "srvr"}, needsServer: true, run: (*Admin).serverStats,
			help: "state, latency, packets"},
		{names: []string{"set_trace_mask", "stmk"}, changes: true, run: (*Admin).setTraceMask,
			help: "set the trace mask (?traceMask=n)"},
		{names: []string{"shed_connections", "shed"}, post: true, needsServer: true, needsAuth: true, run: (*Admin).shed,
			help: "close a share of the client connections (POST)"},
		{names: []string{"snapshot", "snap"}, needsServer: true, needsAuth: true, changes: true, run: (*Admin).snapshot,
			help: "take a snapshot and download it"},
		{names: []string{"stat_reset", "srst"}, needsServer: true, changes: true, run: (*Admin).statReset,
			help: "start the server's statistics anew"},
		{names: []string{"stats", "stat"}, needsServer: true, run: (*Admin).stats,
			help: "server_stats and the connections"},
		{names: []string{"system_properties", "sysp"}, run: (*Admin).systemProperties,
			help: "settings under the names of ZooKeeper's system properties"},
		{names: []string{"voting_view"}, needsServer: true, run: (*Admin).votingView,
			help: "the voting members"},
		{names: []string{"watch_summary", "wchs"}, needsServer: true, run: (*Admin).watchSummary,
			help: "how many watches there are"},
		{names: []string{"watches", "wchc"}, needsServer: true, run: (*Admin).watches,
			help: "watched paths by session"},
		{names: []string{"watches_by_path", "wchp"}, needsServer: true, run: (*Admin).watchesByPath,
			help: "watching sessions by path"},
		{names: []string{"zabstate"}, run: (*Admin).zabState,
			help: "the phase of the broadcast protocol"},
	}
}

// byName finds a command by each of its names.
func byName(table []command) map[string]*command {
	m := map[string]*command{}
	for i := range table {
		for _, name := range table[i].names {
			m[name] = &table[i]
		}
	}
	return m
}

// primaries are the commands in the order of their primary names.
func (a *Admin) primaries() []*command {
	var out []*command
	for name, c := range a.commands {
		if name == c.primary() {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(x, y *command) int { return strings.Compare(x.primary(), y.primary()) })
	return out
}

// runCommand decides whether the command may run, in ZooKeeper's order, and runs
// it.
func (a *Admin) runCommand(c *command, r *http.Request) response {
	if c.needsServer && !a.node.Status().Serving {
		return failed(http.StatusOK, notServing)
	}
	if c.needsAuth {
		if refused := a.authorize(r); refused != nil {
			a.log.Warn("admin command refused", zap.String("command", c.primary()),
				zap.String("reason", refused.err), zap.Stringer("remote", a.remote(r)))
			return *refused
		}
	}
	if !c.takes(r.Method) {
		resp := failed(http.StatusMethodNotAllowed, c.primary()+" takes "+c.method())
		resp.header = http.Header{"Allow": {c.method()}}
		return resp
	}
	return c.run(a, r)
}

// takes reports whether the command may be asked for with the method. HEAD is a
// GET whose answer is not wanted, which makes no sense for a snapshot.
func (c *command) takes(method string) bool {
	return method == c.method() || method == http.MethodHead && !c.needsAuth
}

func (c *command) method() string {
	if c.post {
		return http.MethodPost
	}
	return http.MethodGet
}
