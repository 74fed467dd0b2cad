package metrics

import "github.com/prometheus/client_golang/prometheus"

// A Kind says how a metric is shown.
type Kind uint8

// The kinds, in the order in which mntr shows them.
const (
	KindGauge Kind = iota
	KindGaugeSet
	KindCounter
	KindCounterSet
	KindSummary
	KindAdvancedSummary
	KindSummarySet
	KindAdvancedSummarySet
)

func (k Kind) isSet() bool {
	return k == KindGaugeSet || k == KindCounterSet || k == KindSummarySet || k == KindAdvancedSummarySet
}

// String names the kind as the documentation does.
func (k Kind) String() string {
	return [...]string{
		"gauge", "gauge set", "counter", "counter set",
		"summary", "advanced summary", "summary set", "advanced summary set",
	}[k]
}

// A metric is what the table names. attach reserves its cells and ready gives
// them their first values.
type metric interface {
	attach(b *board)
	ready()
	reset()
	each(name string, emit func(string, Value))
	collect(d *prometheus.Desc, ch chan<- prometheus.Metric)
}

// An entry is a line of the table.
type entry struct {
	name   string
	kind   Kind
	help   string
	metric metric
}

// table names every metric of ZooKeeper 3.9.5, in the order of mntr.
func (m *Metrics) table() []entry {
	return []entry{
		gauge(&m.avgLatency, "avg_latency",
			"Mean time from the arrival of a request to its reply, in ms."),
		gauge(&m.maxLatency, "max_latency",
			"Longest time from the arrival of a request to its reply, in ms."),
		gauge(&m.minLatency, "min_latency",
			"Shortest time from the arrival of a request to its reply, in ms."),
		gauge(&m.PacketsReceived, "packets_received",
			"Packets received from clients."),
		gauge(&m.PacketsSent, "packets_sent",
			"Packets sent to clients, watch events included."),
		gauge(&m.NumAliveConnections, "num_alive_connections",
			"Client connections open now."),
		gauge(&m.OutstandingRequests, "outstanding_requests",
			"Requests taken in and not yet answered."),
		gauge(&m.Uptime, "uptime",
			"Time since the server started, in ms."),
		gauge(&m.ZnodeCount, "znode_count",
			"Znodes in the tree."),
		gauge(&m.WatchCount, "watch_count",
			"Watches of all sessions, on data and on children."),
		gauge(&m.EphemeralsCount, "ephemerals_count",
			"Ephemeral znodes in the tree."),
		gauge(&m.ApproximateDataSize, "approximate_data_size",
			"Bytes of all paths and all data."),
		gauge(&m.GlobalSessions, "global_sessions",
			"Sessions known to the whole ensemble."),
		gauge(&m.LocalSessions, "local_sessions",
			"Sessions known to this server only."),
		gauge(&m.openFDs, "open_file_descriptor_count",
			"File descriptors the process has open."),
		gauge(&m.maxFDs, "max_file_descriptor_count",
			"File descriptors the process may open."),
		gauge(&m.ConnDropProbability, "connection_drop_probability",
			"Share of new connections that the connection throttle drops, 0 to 1."),
		gauge(&m.lastResponse, "last_client_response_size",
			"Size of a recent reply, in bytes; -1 before the first."),
		gauge(&m.maxReply, "max_client_response_size",
			"Size of the largest reply, in bytes; -1 before the first."),
		gauge(&m.minResponse, "min_client_response_size",
			"Size of the smallest reply, in bytes; -1 before the first."),
		gauge(&m.OutstandingTLSHandshake, "outstanding_tls_handshake",
			"TLS handshakes under way on the client port."),
		gauge(&m.AuthFailed, "auth_failed_count",
			"Connections that failed to authenticate."),
		gauge(&m.NonMTLSRemoteConns, "non_mtls_remote_conn_count",
			"Connections without mutual TLS from other hosts."),
		gauge(&m.NonMTLSLocalConns, "non_mtls_local_conn_count",
			"Connections without mutual TLS from this host."),
		ensembleGauge(&m.QuorumSize, "quorum_size",
			"Voting members of the ensemble."),
		ensembleGauge(&m.Learners, "learners",
			"Followers and observers connected to this leader."),
		ensembleGauge(&m.SyncedFollowers, "synced_followers",
			"Followers in step with this leader."),
		ensembleGauge(&m.SyncedNonVotingFollowers, "synced_non_voting_followers",
			"Followers without a vote in step with this leader."),
		ensembleGauge(&m.SyncedObservers, "synced_observers",
			"Observers in step with this server."),
		ensembleGauge(&m.PendingSyncs, "pending_syncs",
			"Sync requests that wait for a commit."),
		ensembleGauge(&m.LeaderUptime, "leader_uptime",
			"Time since this server began to lead, in ms."),
		ensembleGauge(&m.LastProposalSize, "last_proposal_size",
			"Size of the last proposal, in bytes."),
		ensembleGauge(&m.MaxProposalSize, "max_proposal_size",
			"Size of the largest proposal, in bytes."),
		ensembleGauge(&m.MinProposalSize, "min_proposal_size",
			"Size of the smallest proposal, in bytes."),
		gaugeSet(&m.LearnerLag, "learner_lag",
			"Transactions that a follower has not acknowledged, by its id."),
		gaugeSet(&m.QuotaCountLimit, "quota_count_limit_per_namespace",
			"Znodes that the quotas of a namespace allow."),
		gaugeSet(&m.QuotaBytesLimit, "quota_bytes_limit_per_namespace",
			"Bytes that the quotas of a namespace allow."),
		gaugeSet(&m.QuotaCountUsage, "quota_count_usage_per_namespace",
			"Znodes in a namespace with a quota."),
		gaugeSet(&m.QuotaBytesUsage, "quota_bytes_usage_per_namespace",
			"Bytes in a namespace with a quota."),
		counter(&m.BytesReceived, "bytes_received_count",
			"Bytes received from clients."),
		counter(&m.ResponseBytes, "response_bytes",
			"Bytes of replies sent to clients."),
		counter(&m.WatchBytes, "watch_bytes",
			"Bytes of watch events sent to clients."),
		counter(&m.ConnectionRequests, "connection_request_count",
			"Session requests received."),
		counter(&m.ConnectionRejected, "connection_rejected",
			"Connections refused because too many were open."),
		counter(&m.ConnectionDrops, "connection_drop_count",
			"Connections that ended without the client closing its session."),
		counter(&m.ConnectionRevalidates, "connection_revalidate_count",
			"Session requests for a session that exists."),
		counter(&m.Revalidates, "revalidate_count",
			"Sessions that a learner asked its leader to confirm."),
		counter(&m.SessionlessConnectionsExpired, "sessionless_connections_expired",
			"Connections closed because they asked for no session in time."),
		counter(&m.StaleSessionsExpired, "stale_sessions_expired",
			"Sessions that ran out."),
		counter(&m.ClosedWithoutServerRunning, "cnxn_closed_without_zk_server_running",
			"Connections closed because the server was not serving."),
		counter(&m.CommitCount, "commit_count",
			"Transactions committed."),
		counter(&m.ProposalCount, "proposal_count",
			"Transactions proposed."),
		counter(&m.DiffCount, "diff_count",
			"Learners brought up to date with the transactions they missed."),
		counter(&m.SnapCount, "snap_count",
			"Learners brought up to date with a whole snapshot."),
		counter(&m.LookingCount, "looking_count",
			"Times this server went looking for a leader."),
		counter(&m.QuitLeadingDisloyalVoter, "quit_leading_due_to_disloyal_voter",
			"Times this server stopped leading because a voter followed another."),
		counter(&m.LearnerProposals, "learner_proposal_received_count",
			"Proposals received from the leader."),
		counter(&m.LearnerCommits, "learner_commit_received_count",
			"Commits received from the leader."),
		counter(&m.LearnerSkipped, "skip_learner_request_to_next_processor_count",
			"Requests of learners that were gone before they could be served."),
		counter(&m.StaleRequests, "stale_requests",
			"Requests whose connection was gone or that waited too long."),
		counter(&m.StaleRequestsDropped, "stale_requests_dropped",
			"Stale requests that were not served."),
		counter(&m.StaleReplies, "stale_replies",
			"Replies whose connection was gone."),
		counter(&m.ThrottledOps, "throttled_ops",
			"Requests answered with a throttling error."),
		counter(&m.ThrottleWaits, "request_throttle_wait_count",
			"Times the request throttle made requests wait."),
		counter(&m.LargeRequestsRejected, "large_requests_rejected",
			"Large requests refused because too many bytes of them were in work."),
		counter(&m.PrepQueued, "prep_processor_request_queued",
			"Requests queued for preparation."),
		counter(&m.OutstandingChangesQueued, "outstanding_changes_queued",
			"Changes prepared and not yet applied, added."),
		counter(&m.OutstandingChangesRemoved, "outstanding_changes_removed",
			"Changes prepared and not yet applied, removed."),
		counter(&m.SyncQueued, "sync_processor_request_queued",
			"Transactions queued for the log."),
		counter(&m.CommitsQueued, "request_commit_queued",
			"Commits queued."),
		counter(&m.NotForwardedToCommit, "requests_not_forwarded_to_commit_processor",
			"Requests dropped before the commit stage."),
		counter(&m.EnsembleAuthSuccess, "ensemble_auth_success",
			"Connections that named the right ensemble."),
		counter(&m.EnsembleAuthFail, "ensemble_auth_fail",
			"Connections that named the wrong ensemble."),
		counter(&m.EnsembleAuthSkip, "ensemble_auth_skip",
			"Connections whose ensemble name was not checked."),
		counter(&m.UnsuccessfulHandshakes, "unsuccessful_handshake",
			"TLS handshakes that failed."),
		counter(&m.TLSHandshakeExceeded, "tls_handshake_exceeded",
			"Connections refused because too many TLS handshakes were under way."),
		counter(&m.InsecureAdmin, "insecure_admin_count",
			"Administrative connections without TLS."),
		counter(&m.DigestMismatches, "digest_mismatches_count",
			"Times the digest of the tree was not the one in the transaction."),
		counter(&m.UnrecoverableErrors, "unrecoverable_error_count",
			"Errors that stopped the server."),
		counter(&m.SnapshotErrors, "snapshot_error_count",
			"Snapshots over admin HTTP that failed."),
		counter(&m.SnapshotRateLimited, "snapshot_rate_limited_count",
			"Snapshots over admin HTTP refused because they came too fast."),
		counter(&m.RestoreErrors, "restore_error_count",
			"Restores over admin HTTP that failed."),
		counter(&m.RestoreRateLimited, "restore_rate_limited_count",
			"Restores over admin HTTP refused because they came too fast."),
		counter(&m.DeadWatcherStallTime, "add_dead_watcher_stall_time",
			"Time spent waiting to hand over dead watchers, in ms."),
		counter(&m.DeadWatchersQueued, "dead_watchers_queued",
			"Dead watchers queued to be cleared."),
		counter(&m.DeadWatchersCleared, "dead_watchers_cleared",
			"Dead watchers cleared."),
		counter(&m.ResponseCacheHits, "response_packet_cache_hits",
			"Replies served from a cache of encoded replies; there is none."),
		counter(&m.ResponseCacheMisses, "response_packet_cache_misses",
			"Replies looked for in a cache of encoded replies; there is none."),
		counter(&m.ChildrenCacheHits, "response_packet_get_children_cache_hits",
			"Listings served from a cache of encoded replies; there is none."),
		counter(&m.ChildrenCacheMisses, "response_packet_get_children_cache_misses",
			"Listings looked for in a cache of encoded replies; there is none."),
		counterSet(&m.QuotaExceededPerNS, "quota_exceeded_error_per_namespace",
			"Writes refused because of a quota of the namespace."),
		counter(&m.LogFull, "log_full_count",
			"Times the disk had no room for the log; Zabra's own."),
		gauge(&m.LogFullTime, "log_full_time",
			"How long the disk has had no room for the log, and writes wait, in ms; 0 while it has. Zabra's own."),
		counter(&m.DamageFound, "damage_found_count",
			"Times files of this server were found damaged; Zabra's own."),
		counter(&m.DamageHealed, "damage_healed_count",
			"Times a leader has replaced what was damaged; Zabra's own."),
		timer(&m.FsyncTime, "fsynctime",
			"Time of one fsync of the transaction log, in ms."),
		timer(&m.SnapshotTime, "snapshottime",
			"Time to write a snapshot, in ms."),
		timer(&m.RestoreTime, "restore_time",
			"Time to restore from a snapshot over admin HTTP, in ms."),
		timer(&m.DBInitTime, "dbinittime",
			"Time to load the tree at start, in ms."),
		timer(&m.StartupSnapLoadTime, "startup_snap_load_time",
			"Time to load the snapshot at start, in ms."),
		summaryOf(&m.StartupTxnsLoaded, "startup_txns_loaded",
			"Transactions replayed from the log at start."),
		timer(&m.StartupTxnsLoadTime, "startup_txns_load_time",
			"Time to replay the log at start, in ms."),
		timer(&m.ElectionTime, "election_time",
			"Time to elect a leader, in ms."),
		timer(&m.UnavailableTime, "unavailable_time",
			"Time without a leader to follow, in ms."),
		timer(&m.LeaderUnavailableTime, "leader_unavailable_time",
			"Time from losing the leadership to having a leader again, in ms."),
		timer(&m.FollowerSyncTime, "follower_sync_time",
			"Time for a follower to get in step, in ms."),
		timer(&m.ObserverSyncTime, "observer_sync_time",
			"Time for an observer to get in step, in ms."),
		summaryOf(&m.InflightSnaps, "inflight_snap_count",
			"Snapshots being sent to learners."),
		summaryOf(&m.InflightDiffs, "inflight_diff_count",
			"Differences being sent to learners."),
		summaryOf(&m.ConnectionTokenDeficit, "connection_token_deficit",
			"Tokens that the connection throttle was short of."),
		timer(&m.SocketClosingTime, "socket_closing_time",
			"Time to close a connection between servers, in ms."),
		summaryOf(&m.NodeCreatedWatches, "node_created_watch_count",
			"Watches that one creation fired."),
		summaryOf(&m.NodeDeletedWatches, "node_deleted_watch_count",
			"Watches that one deletion fired."),
		summaryOf(&m.NodeChangedWatches, "node_changed_watch_count",
			"Watches that one change of data fired."),
		summaryOf(&m.NodeChildrenWatches, "node_children_watch_count",
			"Watches that one change of children fired."),
		summaryOf(&m.PrepQueueSize, "prep_processor_queue_size",
			"Requests that wait for preparation."),
		timer(&m.PrepTime, "prep_process_time",
			"Time to prepare a request, in ms."),
		timer(&m.ProposalTime, "proposal_process_time",
			"Time to propose a request, in ms."),
		summaryOf(&m.SyncQueueSize, "sync_processor_queue_size",
			"Transactions that wait for the log."),
		summaryOf(&m.SyncBatchSize, "sync_processor_batch_size",
			"Transactions made durable by one flush of the log."),
		timer(&m.SyncTime, "sync_process_time",
			"Time to append a transaction to the log, in ms."),
		timer(&m.CommitTime, "commit_process_time",
			"Time to hand a request through the commit stage, in ms."),
		summaryOf(&m.RequestsInSessionQueue, "requests_in_session_queue",
			"Requests in the queue of one session."),
		summaryOf(&m.PendingSessionQueues, "pending_session_queue_size",
			"Sessions with requests that wait for a commit."),
		summaryOf(&m.ReadsAfterWrite, "reads_after_write_in_session_queue",
			"Reads that follow a write in the queue of one session."),
		summaryOf(&m.ReadsFromSessionQueue, "reads_issued_from_session_queue",
			"Reads let go from the queue of one session after a write."),
		summaryOf(&m.SessionQueuesDrained, "session_queues_drained",
			"Session queues emptied by one round of commits."),
		timer(&m.EmptyPoolWaitTime, "time_waiting_empty_pool_in_commit_processor_read_ms",
			"Time waited for reads to end before a write, in ms."),
		timer(&m.WriteBatchTime, "write_batch_time_in_commit_processor",
			"Time for one round of commits, in ms."),
		summaryOf(&m.ConcurrentRequests, "concurrent_request_processing_in_commit_processor",
			"Requests served at the same time."),
		summaryOf(&m.ReadsQueuedForCommit, "read_commit_proc_req_queued",
			"Reads queued in the commit stage."),
		summaryOf(&m.WritesQueuedForCommit, "write_commit_proc_req_queued",
			"Writes queued in the commit stage."),
		summaryOf(&m.CommitsQueuedForCommit, "commit_commit_proc_req_queued",
			"Commits queued in the commit stage."),
		summaryOf(&m.ReadsIssuedByCommit, "read_commit_proc_issued",
			"Reads let go by the commit stage."),
		summaryOf(&m.WritesIssuedByCommit, "write_commit_proc_issued",
			"Writes let go by the commit stage."),
		summaryOf(&m.LearnerQueueSize, "learner_request_processor_queue_size",
			"Requests of learners that wait for the leader."),
		summaryOf(&m.NettyQueuedBuffer, "netty_queued_buffer_capacity",
			"Bytes received and not yet decoded; a server without Netty has none."),
		advancedTimer(&m.ReadLatency, "readlatency",
			"Time from the arrival of a read to its reply, in ms."),
		advancedTimer(&m.UpdateLatency, "updatelatency",
			"Time from the arrival of a write to its reply, in ms."),
		advancedTimer(&m.PropagationLatency, "propagation_latency",
			"Time from the arrival of a write at the leader to its commit here, in ms."),
		advancedTimer(&m.ProposalLatency, "proposal_latency",
			"Time from making a proposal to receiving it, in ms."),
		advancedTimer(&m.ProposalAckLatency, "proposal_ack_creation_latency",
			"Time from receiving a proposal to acknowledging it, in ms."),
		advancedTimer(&m.CommitPropagationLatency, "commit_propagation_latency",
			"Time from committing on the leader to receiving the commit, in ms."),
		advancedTimer(&m.QuorumAckLatency, "quorum_ack_latency",
			"Time from making a proposal to a quorum of acknowledgements, in ms."),
		advancedTimer(&m.PrepQueueTime, "prep_processor_queue_time_ms",
			"Time a request waits for preparation, in ms."),
		advancedTimer(&m.CloseSessionPrepTime, "close_session_prep_time",
			"Time to prepare the end of a session, in ms."),
		advancedTimer(&m.SyncQueueTime, "sync_processor_queue_time_ms",
			"Time a transaction waits for the log, in ms."),
		advancedTimer(&m.SyncFlushTime, "sync_processor_queue_flush_time_ms",
			"Time to flush a batch of transactions, in ms."),
		advancedTimer(&m.SyncQueueAndFlushTime, "sync_processor_queue_and_flush_time_ms",
			"Time from queueing a transaction to having it on disk, in ms."),
		advancedTimer(&m.ReadCommitTime, "read_commitproc_time_ms",
			"Time a read spends in the commit stage, in ms."),
		advancedTimer(&m.WriteCommitTime, "write_commitproc_time_ms",
			"Time a write spends in the commit stage, in ms."),
		advancedTimer(&m.LocalWriteCommitted, "local_write_committed_time_ms",
			"Time a committed write of this server spends in the commit stage, in ms."),
		advancedTimer(&m.ServerWriteCommitted, "server_write_committed_time_ms",
			"Time a committed write of another server spends in the commit stage, in ms."),
		advancedTimer(&m.ReadFinalTime, "read_final_proc_time_ms",
			"Time to answer a read, in ms."),
		advancedTimer(&m.WriteFinalTime, "write_final_proc_time_ms",
			"Time to apply a write and answer it, in ms."),
		advancedTimer(&m.ObserverMasterProposal, "om_proposal_process_time_ms",
			"Time to pass a proposal on to observers, in ms."),
		advancedTimer(&m.ObserverMasterCommit, "om_commit_process_time_ms",
			"Time to pass a commit on to observers, in ms."),
		advancedTimer(&m.ThrottleQueueTime, "request_throttle_queue_time_ms",
			"Time a request waits in the request throttle, in ms."),
		advancedTimer(&m.DeadWatchersCleanLatency, "dead_watchers_cleaner_latency",
			"Time to clear dead watchers, in ms."),
		advancedTimer(&m.PauseTime, "jvm_pause_time_ms",
			"Pauses of the whole process, in ms."),
		summarySet(&m.ReadPerNamespace, "read_per_namespace",
			"Bytes of path and data read, by namespace."),
		summarySet(&m.WritePerNamespace, "write_per_namespace",
			"Bytes of path and data written, by namespace."),
		summarySet(&m.LearnerPacketSize, "learner_handler_qp_size",
			"Packets that wait to be sent to a learner, by its id."),
		advancedTimerSet(&m.LearnerPacketTime, "learner_handler_qp_time_ms",
			"Time a packet waits to be sent to a learner, in ms, by its id."),
		advancedTimerSet(&m.AckLatency, "ack_latency",
			"Time from making a proposal to the acknowledgement of a server, in ms, by its id."),
	}
}

func gauge(g metric, name, help string) entry { return entry{name, KindGauge, help, g} }

func ensembleGauge(g *Gauge, name, help string) entry {
	g.optional = true
	return entry{name, KindGauge, help, g}
}

func gaugeSet(g *GaugeSet, name, help string) entry { return entry{name, KindGaugeSet, help, g} }

func counter(c *Counter, name, help string) entry { return entry{name, KindCounter, help, c} }

func counterSet(c *CounterSet, name, help string) entry {
	return entry{name, KindCounterSet, help, c}
}

func summaryEntry(s *summary, kind Kind, scale float64, name, help string) entry {
	s.kind, s.scale = kind, scale
	return entry{name, kind, help, s}
}

func summaryOf(s *Summary, name, help string) entry {
	return summaryEntry(&s.core, KindSummary, 1, name, help)
}

func timer(t *Timer, name, help string) entry {
	return summaryEntry(&t.core, KindSummary, usPerMs, name, help)
}

func advancedTimer(t *Timer, name, help string) entry {
	return summaryEntry(&t.core, KindAdvancedSummary, usPerMs, name, help)
}

func summarySet(s *SummarySet, name, help string) entry {
	s.kind = KindSummary
	return entry{name, KindSummarySet, help, s}
}

func advancedTimerSet(s *TimerSet, name, help string) entry {
	s.kind = KindAdvancedSummary
	return entry{name, KindAdvancedSummarySet, help, s}
}
