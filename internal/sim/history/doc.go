// Package history judges what clients of an ensemble were told, by what the ensemble
// committed. It knows nothing of servers, so it judges simulated and real ones
// alike.
//
// A Log is what one client saw, in the order in which it saw it: answers, events,
// and where it was connected anew. The committed transactions are the order in which
// everything happened. Check replays them on a model that is as simple as can be (a
// map of paths) and demands:
//
//   - write: every answered write is one transaction, at the zxid it was answered
//     with, and had the outcome that the model gives it at that place; none was
//     carried out twice.
//   - order: a write that was answered before another one was asked for stands
//     before it. With the above that is linearizability of writes, and it takes
//     linear time, because the order is known. Registers hands the same to porcupine,
//     which does not believe the zxids.
//   - sync: what is read after a sync is no older than what any client was answered
//     before the sync was asked for.
//   - read: every read shows the tree as it was behind the transaction whose zxid
//     bears the answer.
//   - session: a client's answers come in the order of its requests, and their zxids
//     never go back, whichever server gives them; its writes are carried out in
//     the order in which it asked.
//   - ephemeral: the end of a session takes every node it owned, each once; nothing
//     is owned by a session that has ended.
//   - watch: an event comes for every watch whose node changed, before any answer
//     that shows the change, and no event comes without both.
package history
