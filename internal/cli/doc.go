// Package cli is the shell of zabra cli: ZooKeeper's own command-line tool, and
// what people miss there. The commands, options and outputs that zkCli.sh has are
// as there, so that scripts and habits carry over.
//
// # How a line becomes an output
//
// words splits a line as zkCli does, with its quotes. The first word names a
// command of the table (commands.go), which holds the usage, the options and the
// bounds of each one; parse finds options anywhere among the words, as commons-cli
// does for zkCli, and makes a call of them. The command's function runs the call
// against a Service, which a *client.Client is, and shows what it found: values
// that can say themselves as text or as JSON (view). Nothing else prints.
//
//	commands.go   the table             parse.go    options and arguments
//	read.go       ls get stat getAcl    write.go    create set delete deleteall setAcl
//	quota.go      setquota and family   ensemble.go config reconfig
//	session.go    connect addauth ...   watches.go  addWatch removewatches, events
//	tree.go find.go du.go               walk.go     subtrees, read many nodes ahead
//	diff.go copy.go edit.go follow.go   export.go import.go dirs.go
//	complete.go history.go editor.go    what a person at a terminal has
//
// # One goroutine
//
// Commands and events are printed by one goroutine: while a command runs, events
// wait in their watches; before its result is printed, those that are there are
// printed, and between commands they are printed as they come. A change of one's
// own is therefore told before the result of the command that made it, always.
//
// # Errors
//
// A command ends with nil, a *UsageError, an *UnknownCommand, or what the client
// says; explain puts that into zkCli's words, with a line on what to try, and
// ExitCode gives each kind its number.
package cli
