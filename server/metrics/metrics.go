package metrics

import (
	"sync/atomic"
)

// A Metrics is everything that one server counts. Its fields may be used by any
// number of goroutines; the table in table.go says what each means.
type Metrics struct {
	// What every request touches.
	BytesReceived   Counter
	PacketsReceived GaugeCounter
	PacketsSent     GaugeCounter
	ResponseBytes   Counter
	WatchBytes      Counter
	ReadLatency     Timer
	UpdateLatency   Timer
	ResponseSize    Sizes // of replies to clients

	// Gauges of every server.
	ZnodeCount              Gauge
	WatchCount              Gauge
	EphemeralsCount         Gauge
	ApproximateDataSize     Gauge
	NumAliveConnections     Gauge
	OutstandingRequests     Gauge
	Uptime                  Gauge // milliseconds
	GlobalSessions          Gauge
	LocalSessions           Gauge
	OutstandingTLSHandshake Gauge
	ConnDropProbability     FloatGauge

	openFDs, maxFDs                     Gauge
	minLatency, maxLatency              Gauge
	avgLatency                          FloatGauge
	lastResponse, minResponse, maxReply Gauge

	// Gauges of an ensemble's servers, shown while they are set.
	QuorumSize               Gauge
	Learners                 Gauge
	SyncedFollowers          Gauge
	SyncedNonVotingFollowers Gauge
	SyncedObservers          Gauge
	PendingSyncs             Gauge
	LeaderUptime             Gauge // milliseconds
	ProposalSize             Sizes // of this reign; what the next three are provided with
	LastProposalSize         Gauge
	MinProposalSize          Gauge
	MaxProposalSize          Gauge

	LearnerLag GaugeSet // transactions, by the follower's id

	QuotaCountLimit GaugeSet
	QuotaBytesLimit GaugeSet
	QuotaCountUsage GaugeSet
	QuotaBytesUsage GaugeSet

	AuthFailed           GaugeCounter
	NonMTLSLocalConns    GaugeCounter
	NonMTLSRemoteConns   GaugeCounter
	FsyncThresholdExceed GaugeCounter // in server_stats, not in mntr

	// Connections and sessions.
	ConnectionRequests            Counter
	ConnectionRejected            Counter
	ConnectionDrops               Counter
	ConnectionRevalidates         Counter
	Revalidates                   Counter
	SessionlessConnectionsExpired Counter
	StaleSessionsExpired          Counter
	ClosedWithoutServerRunning    Counter
	ConnectionTokenDeficit        Summary
	SocketClosingTime             Timer

	// TLS and authentication.
	EnsembleAuthSuccess    Counter
	EnsembleAuthFail       Counter
	EnsembleAuthSkip       Counter
	UnsuccessfulHandshakes Counter
	TLSHandshakeExceeded   Counter
	InsecureAdmin          Counter

	// Overload.
	StaleRequests         Counter
	StaleRequestsDropped  Counter
	StaleReplies          Counter
	ThrottledOps          Counter
	ThrottleWaits         Counter
	LargeRequestsRejected Counter
	ThrottleQueueTime     Timer

	// Preparing requests.
	PrepQueued                Counter
	PrepQueueSize             Summary
	PrepQueueTime             Timer
	PrepTime                  Timer
	CloseSessionPrepTime      Timer
	OutstandingChangesQueued  Counter
	OutstandingChangesRemoved Counter

	// Proposing, logging, committing.
	ProposalCount         Counter
	CommitCount           Counter
	ProposalTime          Timer
	SyncQueued            Counter
	SyncQueueSize         Summary
	SyncBatchSize         Summary
	SyncQueueTime         Timer
	SyncFlushTime         Timer
	SyncQueueAndFlushTime Timer
	SyncTime              Timer
	FsyncTime             Timer
	LogFull               Counter
	LogFullTime           Gauge // milliseconds
	DamageFound           Counter
	DamageHealed          Counter
	CommitTime            Timer
	ReadFinalTime         Timer
	WriteFinalTime        Timer
	UnrecoverableErrors   Counter
	DigestMismatches      Counter

	// The stage between commit and reply.
	CommitsQueued          Counter
	NotForwardedToCommit   Counter
	RequestsInSessionQueue Summary
	PendingSessionQueues   Summary
	ReadsAfterWrite        Summary
	ReadsFromSessionQueue  Summary
	SessionQueuesDrained   Summary
	EmptyPoolWaitTime      Timer
	WriteBatchTime         Timer
	ConcurrentRequests     Summary
	ReadsQueuedForCommit   Summary
	WritesQueuedForCommit  Summary
	CommitsQueuedForCommit Summary
	ReadsIssuedByCommit    Summary
	WritesIssuedByCommit   Summary
	ReadCommitTime         Timer
	WriteCommitTime        Timer
	LocalWriteCommitted    Timer
	ServerWriteCommitted   Timer

	// Watches.
	NodeCreatedWatches       Summary
	NodeDeletedWatches       Summary
	NodeChangedWatches       Summary
	NodeChildrenWatches      Summary
	DeadWatcherStallTime     Counter // milliseconds
	DeadWatchersQueued       Counter
	DeadWatchersCleared      Counter
	DeadWatchersCleanLatency Timer

	// By the first component of the path.
	ReadPerNamespace   SummarySet // bytes of path and data
	WritePerNamespace  SummarySet
	QuotaExceededPerNS CounterSet

	// Start, snapshots, restore.
	StartupTxnsLoaded   Summary
	StartupTxnsLoadTime Timer
	StartupSnapLoadTime Timer
	DBInitTime          Timer
	SnapshotTime        Timer
	SnapshotErrors      Counter
	SnapshotRateLimited Counter
	RestoreTime         Timer
	RestoreErrors       Counter
	RestoreRateLimited  Counter

	// The ensemble.
	LookingCount             Counter
	ElectionTime             Timer
	UnavailableTime          Timer
	LeaderUnavailableTime    Timer
	DiffCount                Counter
	SnapCount                Counter
	InflightSnaps            Summary
	InflightDiffs            Summary
	FollowerSyncTime         Timer
	ObserverSyncTime         Timer
	PropagationLatency       Timer
	ProposalLatency          Timer
	ProposalAckLatency       Timer
	CommitPropagationLatency Timer
	QuorumAckLatency         Timer
	AckLatency               TimerSet // by server id
	QuitLeadingDisloyalVoter Counter
	LearnerProposals         Counter
	LearnerCommits           Counter
	LearnerQueueSize         Summary
	LearnerSkipped           Counter
	LearnerPacketSize        SummarySet // by server id
	LearnerPacketTime        TimerSet   // by server id
	ObserverMasterProposal   Timer
	ObserverMasterCommit     Timer

	// Names without a counterpart here; they stay 0.
	ResponseCacheHits   Counter
	ResponseCacheMisses Counter
	ChildrenCacheHits   Counter
	ChildrenCacheMisses Counter
	NettyQueuedBuffer   Summary
	PauseTime           Timer

	entries []entry
	board   *board
	next    atomic.Uint32
}

// New returns metrics that are all zero, with four stripes for each core.
func New() *Metrics { return newStriped(defaultStripes()) }

func newStriped(stripes int) *Metrics {
	m := &Metrics{board: newBoard(stripes)}
	m.entries = m.table()
	for _, e := range m.entries {
		e.metric.attach(m.board)
	}
	m.FsyncThresholdExceed.attach(m.board)
	m.ResponseSize.attach(m.board)
	m.ProposalSize.attach(m.board)
	m.board.seal()
	for _, e := range m.entries {
		e.metric.ready()
	}
	m.ResponseSize.ready()
	m.ProposalSize.ready()
	m.derive()
	return m
}

// derive provides the gauges that follow from other metrics, or from the
// process.
func (m *Metrics) derive() {
	m.openFDs.Set(openFileDescriptors)
	m.maxFDs.Set(maxFileDescriptors)
	m.minLatency.Set(func() int64 { return m.RequestLatency().Min })
	m.maxLatency.Set(func() int64 { return m.RequestLatency().Max })
	m.avgLatency.Set(func() float64 { return m.RequestLatency().Avg })
	m.lastResponse.Set(func() int64 { last, _, _ := m.ResponseSize.Load(); return last })
	m.minResponse.Set(func() int64 { _, low, _ := m.ResponseSize.Load(); return low })
	m.maxReply.Set(func() int64 { _, _, high := m.ResponseSize.Load(); return high })
}

// Stripe deals out stripes in turn. A connection takes one when it is accepted
// and hands it to every Add and Observe it makes; so does a long-lived
// goroutine. Which stripe is used never changes a result, only how often two
// cores write to the same cache line.
func (m *Metrics) Stripe() int { return int(m.next.Add(1)) & m.board.mask }

// Latency is the time from the arrival of a request to its reply, over reads and
// updates, in milliseconds.
type Latency struct {
	Min, Max int64
	Avg      float64 // four decimals
}

// RequestLatency is the line that srvr and stat print.
func (m *Metrics) RequestLatency() Latency {
	r, u := m.ReadLatency.Load(), m.UpdateLatency.Load()
	low, high := r.Min, max(r.Max, u.Max)
	if r.Count == 0 || u.Count > 0 && u.Min < low {
		low = u.Min
	}
	l := Latency{Min: roundInt(low), Max: roundInt(high)}
	if n := r.Count + u.Count; n > 0 {
		l.Avg = round4((r.Sum + u.Sum) / float64(n))
	}
	return l
}

// Reset does what srst asks for: counters, summaries, packet counts and response
// sizes start again. Gauges, and the counts of connections that ZooKeeper shows
// as gauges, stay. What is recorded at the same moment may be lost.
func (m *Metrics) Reset() {
	for _, e := range m.entries {
		e.metric.reset()
	}
	m.PacketsReceived.Reset()
	m.PacketsSent.Reset()
	m.ResponseSize.reset()
	m.ProposalSize.Reset()
}

// Each calls emit for every value that mntr shows, under ZooKeeper's name
// without the zk_ in front, in the order of the table.
func (m *Metrics) Each(emit func(name string, v Value)) {
	for _, e := range m.entries {
		e.metric.each(e.name, emit)
	}
}
