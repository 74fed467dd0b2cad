// Package election is fast leader election, ZooKeeper's, as a pure state machine:
// it is told what happens and at which millisecond, and says what to send and
// when the election is over. It opens no connection and reads no clock.
//
// # What a server does with it
//
// One Machine lives as long as the server. After every call of one of its methods
// the server does what Take returns:
//
//	Start        when the server has no leader: at first, and whenever it lost
//	             its leader or its followers. Everything that the log was given
//	             must be drained before, because the vote names its end.
//	Receive      for each notification of a peer, at any time
//	Tick         at the time that Deadline names
//	Unreachable  when dialling a peer was refused or failed, or the peer is
//	Reachable    known to be dead; and when a connection stands
//	Reconfigure  when the configurations in force change
//	Synced       when synchronisation in the new role has finished
//	Settle       when a reconfiguration gave a role without an election
//
// Output.Messages go out at once. A queue for a peer needs room for one message,
// the newer replacing the older; messages may be lost, doubled and late.
// Output.Decision ends the election: the server leads, follows or observes, and
// goes on handing in notifications, because those who look are answered.
//
// A transport that keeps the last message of a peer and repeats it when a
// connection starts, as ZooKeeper's does, does no harm: rounds tell old votes
// from new ones.
//
// # Votes
//
// A vote is (leader, zxid, peerEpoch): the candidate, the last zxid in its log,
// committed or not, and its currentEpoch. Of two votes the one with the larger
// peerEpoch wins, then the larger zxid, then the larger server id. A candidate of
// weight 0 in the committed configuration wins against nobody, and a vote for the
// server itself that it does not cast is nothing to it: it had more data once and
// lost it. Since every committed transaction is in the logs of a quorum, the best vote of a quorum
// names a server that has them all.
//
// A server without a vote proposes (-2^63, -2^63, -2^63): an observer, one that
// its own committed configuration does not list as a voter, and one whose data
// may have forgotten what it acknowledged (Own.Untrusted). ZooKeeper's servers of
// that last kind say zxid -1 instead, and 3.5 counts even that; the vote for
// nobody is ignored by every version.
//
// Two votes support one leader (ballot.supports) if everything in them is equal,
// the round too, as long as one of the two senders is looking. If neither is,
// leader and peerEpoch must be equal; if exactly one of them has format version
// 0, the leader.
//
// # A round
//
// State: the round (electionEpoch on the wire), the proposal, the votes received
// in this round (recv, own included), and the votes of those that follow or lead
// (out). Voters are those of the committed configuration and, while a
// reconfiguration is under way, of the one proposed last; a quorum is one in each.
//
//   - Start: the round grows by one, the proposal is the own vote, everything
//     else is empty. The proposal goes to all voters, here and whenever it
//     changes; and again after 200 ms, then 400 ms, 800 ms, up to 60 s; and
//     after 200 ms once more when a voter that follows or leads says something
//     new and a quorum is still missing.
//   - Votes count if sender and candidate are voters. Of a looking voter:
//     a later round is entered, with recv empty and the better of the own first
//     vote and this one as the proposal; an earlier round is answered with the
//     proposal and ignored; in the same round a better vote becomes the proposal,
//     and a worse one, or the first one of its sender in this round, is answered
//     with it, since the sender may have begun to look only now. Then the vote is
//     in recv, in place of the sender's last one.
//   - Of a voter that follows or leads: its vote enters out, and recv if it is of
//     this round. If a quorum of either supports it and the leader itself has
//     said LEADING, the election is over; the round becomes that of the vote.
//     If the candidate is this server, the vote must be the one it casts now.
//   - A quorum of recv that supports the proposal ends the election when every
//     other voter was heard in this round, has no vote or is unreachable
//     (Unanimous), and otherwise when 200 ms have passed without a better vote
//     (Waited). ZooKeeper always waits. Not to wait is safe, because it only
//     leaves out those from whom nothing better can come; and where an
//     unreachable voter has a longer log after all, the quorum still has
//     everything that was committed.
//   - A server that is elected says so to all voters: who has heard a quorum for
//     it need not wait for the rest.
//   - Notifications of observing servers are ignored.
//
// A server whose data is untrusted takes no part in any of this but out: it joins
// a leader that others elected. It answers votes by saying, in their round, that it
// has none. So nobody waits for it, and it is told how the election ended: from the
// votes of the others it could not conclude that.
//
// # Answers
//
// A looking voter that asks a server which is not looking gets the vote that ended
// its election, with the round of that vote and the peerEpoch of the new leader
// once synchronised. Members of one ensemble may so report different zxids and
// rounds, and for a short time different epochs, for one leader.
//
// A looking server that is no voter here (an observer, a joiner) is answered in
// any state, with this server's round; and told the outcome when the election
// ends. So is a voter that says it has no vote. The same answer to the same
// question is not repeated within 200 ms.
//
// # Configurations
//
// A notification bears its sender's committed configuration. If reconfiguration is
// enabled and it is newer, a looking server gets it as Output.Newer; it adopts it
// and calls Reconfigure, which starts over if members differ.
//
// Source of the facts: section 1 of the reference of ZooKeeper's quorum protocol,
// and FastLeaderElection, Vote and QuorumPeer of ZooKeeper 3.9.5.
package election
