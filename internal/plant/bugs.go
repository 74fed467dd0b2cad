package plant

// A Bug is a mistake that somebody made once, in Apache ZooKeeper or elsewhere. Its
// value is its name in the tests.
type Bug string

// The bugs. The comment says what the code does while one is planted.
const (

	// Durability.
	AckBeforeSync      Bug = "ack-before-sync"      // the log reports records as durable that it has not synced
	EpochAfterReply    Bug = "epoch-after-reply"    // acceptedEpoch is written after the messages that vouch for it went
	EpochBeforeHistory Bug = "epoch-before-history" // currentEpoch is written before the history it vouches for
	SyncRetried        Bug = "sync-retried"         // a failed sync is tried again, and its success believed
	NoSpaceSwallowed   Bug = "no-space-swallowed"   // a write that met a full disk is taken for done
	DirectoryNotSynced Bug = "directory-not-synced" // a file is renamed, and the directory not synced
	TailCutTooFar      Bug = "tail-cut-too-far"     // recovery drops one durable record too many
	TruncateSkipped    Bug = "truncate-skipped"     // TRUNC is answered without cutting the log
	SnapshotUnchecked  Bug = "snapshot-unchecked"   // a snapshot is used although it was cut short
	UncommittedInTree  Bug = "uncommitted-in-tree"  // a checkpoint holds what is not committed

	// Quorums and elections.
	QuorumOffByOne          Bug = "quorum-off-by-one"         // half of the voters are taken for a quorum
	ObserverCounted         Bug = "observer-counted"          // an observer's ACK counts
	ObserverPromises        Bug = "observer-promises"         // the promise of an observer counts for all voters
	OwnAckUncounted         Bug = "own-ack-uncounted"         // the leader counts its own ACK when it proposes, before its log is durable
	StaleNotification       Bug = "stale-notification"        // a vote of an earlier round counts
	LowerZxidWins           Bug = "lower-zxid-wins"           // of two candidates the one with the shorter history wins
	VoteFromTree            Bug = "vote-from-tree"            // the vote names the last applied transaction instead of the last logged
	ProposedConfigForgotten Bug = "proposed-config-forgotten" // who looks for a leader forgets the configuration that its log proposes
	ProposedConfigOverheard Bug = "proposed-config-overheard" // a configuration that a peer tells replaces the one that the own log proposes
	OnlyOneLeaves           Bug = "only-one-leaves"           // of several servers that are to leave only the first is removed
	EpochNotRaised          Bug = "epoch-not-raised"          // a leader reuses the largest epoch it heard of

	// Synchronisation and broadcast.
	DiffWithHole        Bug = "diff-with-hole"        // a DIFF skips a transaction
	NewLeaderAckEarly   Bug = "new-leader-ack-early"  // NEWLEADER is acknowledged before what came before it is durable
	CommitOutOfOrder    Bug = "commit-out-of-order"   // a transaction is committed before its predecessor
	CommitBySingleAck   Bug = "commit-by-single-ack"  // a proposal is committed with the first acknowledgement
	ZxidWraps           Bug = "zxid-wraps"            // the counter runs into the next epoch's
	DeposedLeaderSyncs  Bug = "deposed-leader-syncs"  // sync is answered without asking whether one still leads
	SyncAnsweredLocally Bug = "sync-answered-locally" // sync is answered by the server it came to
	ForwardedTwice      Bug = "forwarded-twice"       // a forwarded request is proposed twice

	FreshVotes     Bug = "fresh-votes"      // an empty server votes, whatever the others hold
	FreshMajority  Bug = "fresh-majority"   // an empty server votes when a majority is empty
	OldClaimsCount Bug = "old-claims-count" // the word of earlier that a server is empty counts
	DamagedVotes   Bug = "damaged-votes"    // a server that found damage votes with what is left

	// Sessions and ephemerals.
	ExpiryByWallClock     Bug = "expiry-by-wall-clock"     // sessions expire when the wall clock jumps
	TouchLostOnNewLeader  Bug = "touch-lost-on-new-leader" // a new leader believes that its sessions were last heard of long ago
	TouchesNotForwarded   Bug = "touches-not-forwarded"    // a learner does not tell the leader which sessions it heard of
	EphemeralKept         Bug = "ephemeral-kept"           // the end of a session leaves one of its nodes
	EphemeralMissedInView Bug = "ephemeral-missed-in-view" // the end of a session lists only committed ephemerals
	SessionMovesUnchecked Bug = "session-moves-unchecked"  // a session that moved may still write through its old server

	// Reads and watches.
	WatchAfterRead      Bug = "watch-after-read"      // a watch is set after the read it belongs to
	EventAfterData      Bug = "event-after-data"      // data may be read before the event that announces it
	SetWatchesForgets   Bug = "set-watches-forgets"   // watches set again after a reconnection do not look at what was missed
	WatchDropped        Bug = "watch-dropped"         // an event is dropped when many are queued
	ReadBeforeOwnWrite  Bug = "read-before-own-write" // a read overtakes an earlier write of its session
	OlderServerAccepted Bug = "older-server-accepted" // a client may move to a server that is behind what it has seen

	PersistentUsedUp   Bug = "persistent-used-up"  // a persistent watch is used up by its first event
	RecursiveForgotten Bug = "recursive-forgotten" // recursive watches are not set again after a reconnection
	BarrierSkipped     Bug = "barrier-skipped"     // a linearizable read does not ask the leader
	ReadUnchecked      Bug = "read-unchecked"      // a read does not look at the access list

	// Transactions.
	CheckIgnored        Bug = "check-ignored"         // the check in a multi does not look at the version
	ContainerInUse      Bug = "container-in-use"      // a container is reaped although a child is being created
	TTLIgnored          Bug = "ttl-ignored"           // a TTL node is reaped before its time
	MultiPartlyApplied  Bug = "multi-partly-applied"  // a multi that fails leaves what came before the failure
	MultiLeavesOverlay  Bug = "multi-leaves-overlay"  // a multi that fails leaves its changes in what the next request sees
	VersionUnchecked    Bug = "version-unchecked"     // setData does not look at the expected version
	MapOrder            Bug = "map-order"             // the order of a map reaches an output
	CloseSessionTwice   Bug = "close-session-twice"   // the end of a session is proposed again while it is under way
	SequenceNotUnique   Bug = "sequence-not-unique"   // a sequential node takes its number from the number of children
	AppliedBeforeCommit Bug = "applied-before-commit" // a follower applies a proposal when it has logged it

	// Recipes of the Go client.
	TwiceInLine        Bug = "twice-in-line"       // a node whose answer was lost is not looked for
	PredecessorTrusted Bug = "predecessor-trusted" // who stood before has gone, so it is one's turn
	TokenOfLine        Bug = "token-of-line"       // a token is the zxid of the line's last change
	LossLearntLate     Bug = "loss-learnt-late"    // the end of a session is learnt from the service, not from the clock
	RepeatedBlindly    Bug = "repeated-blindly"    // a change whose answer was lost is made again without a look
	DoneForAnother     Bug = "done-for-another"    // an item is finished although the session that had it is over
	GapIgnored         Bug = "gap-ignored"         // a cache reads nothing anew where events may be missing
	PresenceOnce       Bug = "presence-once"       // an announced node is not made again in another session
)
