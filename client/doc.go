// Package client talks to a ZooKeeper-compatible service: Zabra, or Apache
// ZooKeeper from 3.6 on.
//
//	c, err := client.Open(ctx, "zoo1:2181,zoo2:2181/app", client.Options{})
//	...
//	defer c.Close()
//	path, err := c.Create(ctx, "/leader", []byte("me"), client.Ephemeral)
//	if errors.Is(err, client.ErrNodeExists) { ... }
//
// # Connections
//
// A Client keeps one connection to one of the servers, chosen in random order, and
// goes to another when it is lost: at once the first time, then with a pause that
// grows and is random. Names are resolved again in every round. All methods may be
// called by many goroutines; requests share the connection, many under way at once,
// and the server carries them out in the order in which they were made.
//
// Every call takes a context, and ends when it does. Without a deadline a call ends
// nevertheless: when no server was reached for as long as a session lasts, with
// ErrNoConnection.
//
// # What happens to calls when the connection is lost
//
// A call that was not sent yet waits for the next connection. A read that was sent is
// sent again. A write that was sent fails with ErrConnectionLost: whether it happened
// is not known, and only the caller can find out. Options.Linearizable concerns what
// reads may miss, see there.
//
// # Sessions
//
// Ephemeral nodes belong to a Session and go with it. It outlives connections, and
// ends when the service has not heard of the client for Session.Timeout. A client that
// is cut off cannot be told; so the Client itself ends its Session, and closes
// Session.Done, when that time has passed since the last request that was answered was
// sent, which is never later than the service does. Who holds a lock stops its work
// then. Calls that waited fail with ErrSessionExpired, and the Client opens a new
// session by itself.
//
// # Watches
//
// A Watch is a channel of events. One that GetW, ExistsW or ChildrenW leave says once
// that something changed, or that it can no longer tell, and is closed. One that
// AddWatch makes goes on until it is closed. Neither loses an event: they are set
// again at the next connection, and where a persistent watch may have missed
// something, because the connection was lost or because nobody took its events, it
// says so with EventGap, behind which the reader looks for itself.
//
// An event is in the channel before any call returns that shows the change.
//
// # Bounds
//
// Calls under way, or waiting for a connection: Options.MaxCalls; further ones wait for
// their turn. A request: MaxRequest; an answer: MaxReply. Events that nobody takes from a
// persistent watch: MaxQueuedEvents, beyond which they become one EventGap. Only what
// States has to tell is not bounded: whoever calls it reads.
package client
