// Package zab is ZooKeeper's atomic broadcast: it keeps the logs of the servers of an
// ensemble equal. Leader is one side of it and Learner, a follower or an observer,
// the other; both speak ZooKeeper's protocol on the quorum port, so that either side
// may be an Apache ZooKeeper server. A leader's life begins when an election is won
// (package election) and a learner's when it has connected to a leader.
//
// # Driving a machine
//
// The machines are pure: they own no socket, file, clock or goroutine. The driver calls
// methods for what has happened (Receive, Tick, Persisted, Propose ...), any number of
// them, and then Ready until it returns false. A Ready says what is to be done:
//
//	for {
//		r, ok := m.Ready()
//		if !ok {
//			break
//		}
//		queue r.Send                        // begin snapshots now; packets depend on no disk
//		apply r.Replay from the log, then r.Deliver
//		hand r.Writes to the log goroutine; when they are durable:
//			send r.Then
//			m.Persisted(r.ID)
//	}
//
// What a server vouches for, ACK, ACKEPOCH and LEADERINFO, has a type of its own that
// only fits into Then, so none can be sent before the writes it speaks of. Ready says
// the rest.
//
// Time is counted by Tick, twice in a tickTime. Connections to a leader are numbered by
// the driver. Packets arrive whole, in the order in which they were sent, or their
// connection is reported gone. Zxids and bytes of transactions travel as the leader
// made them; of the bytes, the machines read the header, and the body of a
// reconfiguration.
//
// A learner has InitLimit for each step up to its ACK of NEWLEADER, and then SyncLimit
// between any two words. Words that are not asked for are no step. What it is still being
// sent counts as its progress, if the driver says so (Progress): a history may take long
// on its way. When it has got all of it its time begins.
//
// A machine that ends says why in Stop, and wants nothing more. A change of role is a
// barrier: the driver lets the writes under way end, and takes the next State from the
// disk, by Recover, and not from what the old machine believed. What the error asks for:
//
//	*RoleChange     lead, or connect to who is designated, without an election
//	*ResyncError    look for a leader, and connect with State.ForceSnapshot until a
//	                learner serves
//	*AheadError     look for a leader; tell somebody if it goes on
//	all others      look for a leader
//
// # What is on disk, and what is in the tree
//
// The log holds what was proposed; the tree holds what is committed, and never more
// than the log. So a server that starts, or changes its role, has a State: two epochs,
// the end of its log, and what is applied of it. Recover makes one from what was found
// on disk. The tail of the log that nobody has decided about stays out of the tree, and
// TRUNC only cuts the log. Where a leader asks for something that the tree contradicts,
// the learner ends with a ResyncError, and the next one fetches a snapshot
// (State.ForceSnapshot).
//
// # The protocol
//
//	learner                        leader
//	FOLLOWERINFO acceptedEpoch ──►     W1: a quorum connects; new epoch = max + 1
//	                ◄── LEADERINFO     after: acceptedEpoch durable
//	ACKEPOCH last zxid ──►             W2: a quorum has promised
//	after: acceptedEpoch durable
//	     ◄── DIFF | TRUNC | SNAP       planSync; history as pairs PROPOSAL, COMMIT
//	                ◄── NEWLEADER
//	ACK epoch<<32 ──►                  W3: a quorum has the history, and so has the leader
//	after: history durable, then       its currentEpoch: established
//	currentEpoch durable
//	                ◄── UPTODATE       then live: PROPOSAL, COMMIT; INFORM to observers
//	ACK epoch<<32 ──►
//	ACK zxid ──►
//	after: the transaction durable
//
// All quorums are of all configurations in force (quorum.Active), for a transaction those
// when it was proposed. ZooKeeper takes W1 and W2 from the committed one alone. But others
// may know already that the proposed one is committed, and begin an epoch with a quorum of
// that one: two leaders could so begin the same epoch. A
// leader takes part with its own promise, its own log and its own epochs, each counted
// when it is durable. Learners that come when a phase is over go through the same steps
// on their own.
//
// An ACK means that a transaction and all before it are durable, so the leader remembers
// one zxid for each learner. Transactions are committed in their order.
//
// What is proposed while a learner synchronises is not sent to it before UPTODATE; then it
// gets everything that followed its history. Until UPTODATE a learner applies nothing and
// answers no PING.
//
// # Observer masters
//
// An observer whose history makes it a voter, and that waits for UPTODATE in vain, comes
// back as a follower after a tick: the leader may need its ACK of NEWLEADER, and does not
// count those of observers, since Apache ZooKeeper's did not log all they acknowledged
// before 3.9.4. ZooKeeper counts them.
//
// A follower may serve observers (observerMasterPort); ObserverMaster is that part of its
// Learner. Observers are sent what the follower itself has delivered, so it is committed
// and in the follower's log. What they ask of the leader goes through the follower's
// connection, and is answered there in order: to the leader all of it comes from the
// follower. So only the follower can tell which observer a session speaks through, and a
// request of a session that has moved since ends the connection it came by (MovedError).
// An observer that is ahead of the follower, having learned from another one, waits until
// the follower has caught up.
//
// Of a leader, or of a follower, observers wait while as many servers as Throttle allows
// are being brought up to date. Followers never wait.
//
// # Confirmed reads
//
// Sync and Read, and the sync requests of learners, are answered only after a quorum
// has answered a PING that was sent after the question; see ask. All questions that
// come before one Ready share the PINGs.
//
// # Reconfiguration
//
// A transaction of type reconfig, from the moment it is proposed, makes a second
// configuration count. When it is committed it is in force alone, and learners get
// COMMITANDACTIVATE with the leader that is designated. A leader that is not designated
// commits nothing more, and ends (RoleChange) when its learners have left it for the new
// one; a learner whose role or leader changes ends at once, with the same error, and
// needs no election.
//
// The driver keeps what Activated says on disk. For the next machine that is
// quorum.Active.Committed, and the last reconfiguration in the log, if its version is
// larger, is Proposed; one before that in the log is committed, as the leader proposes
// none while another is under way. NEWLEADER carries a configuration too. A learner puts
// it into force with UPTODATE, unless it is a proposal of the present leader that nobody
// has committed: servers that acted on it could form a quorum that knows nothing of the
// old one.
//
// # What the disk may look like
//
// After any crash, and in any order of the other servers' crashes:
//
//   - the log is a prefix of what some leader proposed, without a gap, and the tree a
//     prefix of the log;
//   - acceptedEpoch is at least currentEpoch, and at least the epoch of the log's end;
//   - if the log's end is of an epoch after currentEpoch, which is so between two writes
//     of a long DIFF, Recover raises currentEpoch: whoever has a transaction of an epoch
//     has all of its initial history;
//   - between TRUNC and the new currentEpoch, the log may lack a part of the initial
//     history of currentEpoch. That epoch was never established, or the leader would have
//     that part, and what is cut was never committed.
//
// # Planted bugs
//
// Where a known bug of an implementation would be, the code asks plant.In. Package plant
// says how tests plant one; the build tag is plant, and without it the question is a
// constant. The tests of this package that need it are in files with that tag.
package zab
