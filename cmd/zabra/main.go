// Command zabra is the one binary: the server, and the tools around it.
//
// Each subcommand has a file of its own here, which turns flags into a call of
// a package and the package's error into an exit code. Nothing else lives here.
//
// Exit codes, the same for every subcommand:
//
//	0    done
//	1    it did not work; standard error says why
//	2    the command line is wrong (but of zabra server), or the process has crashed
//	3    what guarded a command (zabra lock, zabra elect) was lost while it ran;
//	     of zabra cli: no server was reached, or the connection was lost;
//	     of zabra status: nobody serves
//	4    of zabra cli: credentials were refused, or an ACL does not allow it
//	5    of zabra cli: somebody else has changed the node
//	78   of zabra server: the command line or the configuration is wrong
//	126  the command that was to be run (zabra lock, elect, register) cannot be run
//	127  there is no such command; of zabra cli: the shell does not know it
//	130  interrupted (Ctrl-C), after what was measured or done has been printed
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal kills, but not one that is the first again: what wraps a
	// command often signals both it and its process group.
	context.AfterFunc(ctx, func() { time.Sleep(500 * time.Millisecond); stop() })
	env := environment{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(run(ctx, os.Args[1:], env))
}

// An environment is what a command may touch of the process it runs in. Tests
// hand in their own.
type environment struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, env environment) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(env.in)
	root.SetOut(env.out)
	root.SetErr(env.err)
	cmd, err := root.ExecuteContextC(ctx)
	return report(cmd, err, env.err)
}
