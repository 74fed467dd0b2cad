// Package rawclient is the smallest client of the ZooKeeper protocol that is of
// use: one connection, one session, requests in, replies out, in order. It
// keeps no watches, does not reconnect and hides nothing. The load generator
// (internal/bench) is built on it, and tests that want to see what a server answers,
// to the frame.
//
// A Conn is used in one of two ways, which do not mix:
//
//   - Do sends one request and waits for its reply.
//   - Send, Flush and Recv keep many requests under way; replies come in the
//     order of the requests.
//
// Events and ping replies that arrive in between are taken out of the way of
// both: an event goes to OnEvent, a ping reply is dropped.
package rawclient
