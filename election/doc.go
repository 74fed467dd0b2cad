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
//	Avoid        behind Start, when a leader that was elected did not answer
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
// lost it. Since every committed transaction is in the logs of a quorum, the best
// vote of a quorum names a server that has them all.
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
//     else is empty. A server that is vouched for (see below) begins likewise, but
//     in the round that it is in, where it has cast no vote: a later one would draw
//     the others away from a leader that they may be electing. The proposal goes
//     to all voters, here and whenever it changes; and again after 200 ms, then
//     400 ms, 800 ms, up to 60 s; and after 200 ms once more when a voter that
//     follows or leads says something new and a quorum is still missing.
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
//   - A candidate that was elected just now, and did not answer who wanted to follow it,
//     beats nobody for a while (Avoid). A server that is heard and hears nobody would be
//     elected again and again. After the while a new round begins, in which it may win:
//     there may be no quorum without it.
//   - A server that could not lead, because nobody would reach it (Own.Unfit), is no
//     candidate. It proposes nobody, and adopts votes for those who have at least what
//     it has. ZooKeeper's servers are elected again and again.
//   - A server that is elected says so to all voters: who has heard a quorum for
//     it need not wait for the rest.
//   - A server that has no vote, and has adopted none, has no round: it enters that of
//     any voter, also an earlier one. By a configuration of which it has not heard the
//     others may need its voice, and they do not hear of its rounds.
//   - Notifications of observing servers are ignored.
//
// A server whose data is untrusted takes no part in any of this but out: it joins
// a leader that others elected. It answers votes by saying, in their round, that it
// has none. So nobody waits for it, and it is told how the election ended: from the
// votes of the others it could not conclude that.
//
// # Empty disks
//
// A server that starts on an empty disk is one of a new ensemble, or it has lost what
// it held (S21). If it voted in the second case it could help to elect a server that
// lacks what only it and others, who are away, have acknowledged. It cannot tell the
// cases apart by itself: two empty servers of three that do not hear the third see the
// same whether that one is empty, too, or holds all that was ever committed. So there is
// no rule by which two of three may begin without it; ZooKeeper's, that whoever is empty
// votes, is not safe.
//
// The rule here: a server is fresh (Own.Fresh) if its disk was empty when it started
// for the first time, and no leader has filled it since. It is untrusted until
//   - all voters whose acknowledgements count have said, twice, that they hold nothing
//     (Output.Vouched), the second time after all had said it once; or
//   - an operator says so: the driver then starts it as one that is not untrusted; or
//   - a leader, elected by others, has filled it.
//
// "I hold nothing" is a claim (ballot.claims): LOOKING, a vote for nobody (-2^63), round
// 0; in place of the zxid a number, from 1 on, that no other life of the sender had, and
// in place of the epoch the number that it heard last from the receiver, 0 before. A
// fresh server sends claims in place of votes. Every looking voter answers a claim: with
// its own if its log is empty and it is not damaged, whether it is fresh or not, unless
// both know both numbers already; otherwise with its vote. Only a claim that repeats the
// present number counts, and when all have been heard the server takes another number
// and asks again. Damaged servers make no claims. Servers of weight 0 need not be heard.
//
// ZooKeeper's servers ignore claims, and answer them, because of their round, with
// their vote. From them a vote with zxid 0 counts as a claim: they vote for themselves
// when they are empty, and whoever holds something supports zxid 0 only against a vote
// that makes what it holds void. The first message of a connection may be older than the
// connection and does not count (Options.Connections says that the driver tells of
// connections; otherwise such votes never count). Two Apache servers and an empty one
// of ours do without: they elect one of themselves and fill ours.
//
// Why it is safe. Let A be vouched for, though it acknowledged transaction t in an
// earlier life and forgot it. A's present life began at T0, and at T1 all had claimed
// once. Everybody looked for a leader, and had an empty log, at some moment between T0
// and T1, so by then the leader that proposed t had ended its reign, every packet of it
// was handled or dropped with its connection, and whoever still had t had it in its log.
// Such a server could not claim once more, after T1, unless it lost its disk. So t is
// nowhere, and it was committed only if all others of its quorum lost it, too: what is
// not survived by any rule. One round of claims would not do: a server may claim, and
// then get t from a leader that claims later, after a crash.
//
// To be vouched for is a server's knowledge, not its disk's: it is lost with the process,
// and learned again.
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
