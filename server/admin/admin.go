package admin

import (
	"html/template"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/server/metrics"
	"go.uber.org/zap"
)

// DefaultCommandURL is where the commands are unless Options says otherwise.
const DefaultCommandURL = "/commands"

// defaultTraceMask is ZooKeeper's. Zabra traces nothing by it; it is kept so that
// gtmk answers what stmk set.
const defaultTraceMask = 306

// Options say what an Admin answers from and what it permits.
type Options struct {
	Node    Node             // required
	Metrics *metrics.Metrics // required
	Log     *zap.Logger      // required

	// Whitelist is the value of 4lw.commands.whitelist: words with commas
	// between them, or *. srvr is always enabled.
	Whitelist string

	// ReadOnlyMode is readonlymode.enabled; it enables isro.
	ReadOnlyMode bool

	// CommandURL is admin.commandURL; empty means DefaultCommandURL.
	CommandURL string

	// SnapshotEnabled and RestoreEnabled are admin.snapshot.enabled and
	// admin.restore.enabled. Both commands also need SerializeLastZxid
	// (serializeLastProcessedZxid.enabled). All three are true by default in
	// ZooKeeper.
	SnapshotEnabled   bool
	RestoreEnabled    bool
	SerializeLastZxid bool

	// RateInterval is admin.rateLimiterIntervalInMS: snapshot and restore are
	// each taken at most once in it. 0 permits any number.
	RateInterval time.Duration

	// UseXForwardedFor takes a caller's address from the header of that name
	// (IPAuthenticationProvider.usexforwardedfor). Anybody can send that header:
	// it is for servers that only a proxy can reach.
	UseXForwardedFor bool

	// IdleTimeout is admin.idleTimeout: how long a snapshot or restore may go
	// without a byte. 0 means DefaultIdleTimeout.
	IdleTimeout time.Duration

	// Memory is how many bytes the process may take, 0 if that is not known. envi
	// shows it.
	Memory uint64

	// ProcessMetrics adds the metrics of the process and the Go runtime to
	// /metrics (metricsProvider.exportJvmInfo).
	ProcessMetrics bool
}

// An Admin answers four-letter words and admin HTTP requests. It is safe for use
// by any number of goroutines.
type Admin struct {
	opts      Options
	node      Node
	metrics   *metrics.Metrics
	log       *zap.Logger
	enabled   map[string]bool // four-letter words
	commands  map[string]*command
	traceMask atomic.Int64
	snapshots *limiter
	restores  *limiter
	scrape    http.Handler
	front     *template.Template
}

// New returns an Admin.
func New(o Options) *Admin {
	if o.CommandURL == "" {
		o.CommandURL = DefaultCommandURL
	}
	o.CommandURL = "/" + strings.Trim(o.CommandURL, "/")
	if o.IdleTimeout == 0 {
		o.IdleTimeout = DefaultIdleTimeout
	}
	a := &Admin{
		opts:      o,
		node:      o.Node,
		metrics:   o.Metrics,
		log:       o.Log,
		enabled:   parseWhitelist(o.Whitelist, o.ReadOnlyMode),
		commands:  byName(commandTable()),
		snapshots: newLimiter(o.RateInterval),
		restores:  newLimiter(o.RateInterval),
		scrape:    o.Metrics.Handler(o.ProcessMetrics),
		front:     frontTemplate(),
	}
	a.traceMask.Store(defaultTraceMask)
	return a
}
