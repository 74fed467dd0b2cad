// Package cli is the shell of zabra cli: ZooKeeper's own command-line tool in a
// small form. Commands, options and outputs are those of zkCli.sh, so that
// scripts and habits carry over; --json gives reads a form for programs.
//
// A Shell holds one session over a rawclient.Conn. A goroutine receives, so that
// watch events are printed when they come; another pings, so that the session
// lives while nobody types. When the connection is lost the next command opens
// a new session; watches, ephemeral nodes and the authentication of the old one
// are gone, and the shell says so.
package cli
