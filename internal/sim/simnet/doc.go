// Package simnet is the network of a simulated world.
//
// A Conn is what TCP gives: messages arrive in order, once each, until the
// connection breaks, and then a suffix of what was under way in either direction
// is lost. A message inside a connection is never lost alone. A broken connection
// may look open from one side or from both (Break's half), as it does when a
// machine loses power or a firewall forgets.
//
// A link is directed. While it is cut (Cut) nothing arrives over it and nothing is
// lost either: TCP sends again when it heals. Connections are not made over a cut
// link in either direction.
//
// Post sends a message outside any connection, which may be lost, come twice, come
// late, or be preceded by the one that was sent last: the election port promises no
// more, because it keeps one message per peer and repeats it on every new
// connection.
package simnet
