// Package admin answers an operator's questions about a running server, in
// ZooKeeper's words: the four-letter words of the client port and the commands
// of the admin HTTP server. Both ask a Node (node.go), which the server
// implements, and a metrics.Metrics.
//
// # Four-letter words
//
// A client that has not yet sent a ConnectRequest may send four letters instead
// of a frame's length; read as a big-endian int they are far above any permitted
// length. IsWord tells them apart, Admin.Answer writes the answer, and the
// connection is closed after it. The names are in words.go. Only srvr, and isro
// on a server with read-only mode, are enabled unless the whitelist says
// otherwise.
//
// # Admin HTTP
//
// Admin.Handler serves:
//
//	/                     a page for people
//	/commands             links to all commands
//	/commands/<name>      one command, as JSON; the table is in commands.go
//	/metrics              Prometheus
//	/healthz              200 while the process runs
//	/readyz               200 while the server serves requests, else 503
//
// The JSON is laid out as ZooKeeper's: two blanks of indentation, " : " between
// key and value, lists on one line, the command's own fields first and then
// "command" and "error". Commands take GET, restore and shed_connections take
// POST. Both of those and snapshot need an Authorization header,
//
//	Authorization: <scheme> <auth data>
//
// whose ids must have all five permissions on the root. Zabra differs from
// ZooKeeper 3.9 in three places: the wrong method is answered with 405 and not
// with 500, snapshot is limited to one in the configured interval (a slip of
// units lets ZooKeeper take a thousand times as many), and
// expiry_time_to_session_ids has Unix times in milliseconds where ZooKeeper has
// those of a clock that only the process itself knows.
//
// Source of the formats: ZooKeeper 3.9.5, seen running, standalone and as an
// ensemble with an observer.
package admin
