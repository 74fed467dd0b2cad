package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zabra/zabra/client"
)

// A connection is how zabra lock, elect and register reach the service.
type connection struct {
	accessFlags
	session time.Duration
}

func (c *connection) flags(f *pflag.FlagSet) {
	c.accessFlags.register(f, "host:port[,host:port...][/path]")
	f.DurationVar(&c.session, "session-timeout", 10*time.Second, "after so long without contact it counts as lost")
}

func (c *connection) open(ctx context.Context) (*client.Client, error) {
	if c.session <= 0 {
		return nil, usageError{fmt.Errorf("--session-timeout %v: want more", c.session)}
	}
	o, err := c.options()
	if err != nil {
		return nil, err
	}
	o.SessionTimeout = c.session
	return client.Open(ctx, c.servers, o)
}

// killAfter is how long a command has to end by itself.
const killAfter = 5 * time.Second

// A child is a command that this process runs. It has its input and output.
type child struct {
	*exec.Cmd
	ctx context.Context
}

// newChild makes one that is told by SIGTERM, and later by SIGKILL, when the context
// ends; so are the processes that it has started, where there is no terminal. If this
// process is killed, the command is told, too: nobody would look after it any more.
func newChild(ctx context.Context, cmd *cobra.Command, args []string, environment ...string) child {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	c.Env = append(os.Environ(), environment...)
	c.SysProcAttr = apart()
	c.Cancel = func() error { return tell(c, syscall.SIGTERM) }
	c.WaitDelay = killAfter
	return child{c, ctx}
}

// run runs it to its end. Its exit code, if that is not 0, is in the error.
func (c child) run() error {
	runtime.LockOSThread() // whose end would be taken for that of this process
	defer runtime.UnlockOSThread()
	err := c.Run()
	if c.Process != nil && c.ctx.Err() != nil {
		endGroup(c.Cmd, killAfter)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) || c.ProcessState != nil && !c.ProcessState.Success() {
		return exitError{code: shellCode(c.ProcessState)}
	}
	if c.ProcessState != nil && errors.Is(err, context.Canceled) {
		return nil // it ended well when it was told to
	}
	if err != nil && c.ProcessState == nil && c.ctx.Err() == nil {
		return notBegun(c.Path, err)
	}
	return err
}

// The exit codes of a command that could not be begun, as shells, env and timeout have
// them.
const (
	exitNotRunnable = 126
	exitNoCommand   = 127
)

// notBegun is why a command could not be begun.
func notBegun(command string, err error) error {
	if _, look := os.Stat(command); errors.Is(err, exec.ErrNotFound) || errors.Is(look, fs.ErrNotExist) {
		return exitError{exitNoCommand, fmt.Errorf("%s: there is no such command", command)}
	}
	var looked *exec.Error
	var called *fs.PathError
	switch { // the rest says what was called to begin it
	case errors.As(err, &looked):
		err = looked.Err
	case errors.As(err, &called):
		err = called.Err
	}
	return exitError{exitNotRunnable, fmt.Errorf("%s: the command cannot be run: %w", command, err)}
}

// shellCode is a process's exit code as a shell tells it: 128 and the number of the
// signal that ended it.
func shellCode(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}
