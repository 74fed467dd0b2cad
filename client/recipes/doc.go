// Package recipes has what ZooKeeper is mostly used for: locks, elections, barriers,
// queues, counters, groups, caches and service discovery, on top of any client.Tree.
//
// # What may go wrong, and what is done about it
//
// An answer may be lost: then nobody knows whether the node was created. Every node
// that a recipe creates bears a random name or value of its own, so that it is found
// again after the connection is there again, behind a sync.
//
// A session may end in the middle: its nodes go, and what they stood for is over. What
// a recipe hands out says so by a channel, Lost, which is closed before the service
// gives the same thing to somebody else. A program that goes on nevertheless, because
// it was asleep, is stopped by what it writes to: Held.Token grows with every holder,
// and a store that refuses a smaller token than it has seen is safe.
//
// Nobody polls. Who waits in a line watches the one that stands before it, and no more,
// so the end of one wakes one.
//
// # What they cost
//
// Each Held, Presence, Cache, Config and Provider has one goroutine, until it is released
// or closed. A Cache holds all that it copies in memory. Who stands in a line reads the
// names of all in it when it comes, and whenever the one before it goes; a line of
// thousands is possible, and long. Nothing else is kept.
//
// # Together with Curator and kazoo
//
// Nodes are named as Apache Curator names them, so that both can use one lock, one
// election, one semaphore and one catalogue of services. With Kazoo in the options they
// are named as kazoo does. Lines of either kind are understood by both.
package recipes
