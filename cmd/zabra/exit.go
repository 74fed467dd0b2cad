package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes; the package comment says when each is used.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConfig      = 78
	exitInterrupted = 130
)

// A usageError is a command line that makes no sense: the exit code of usageCode and
// a pointer to the help.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// An exitError ends the command with a code of its own. A nil err prints
// nothing: the command has said what was to say.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// usageArgs makes a positional-argument check report a usageError.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// report prints err for a person and returns the exit code it stands for.
func report(cmd *cobra.Command, err error, w io.Writer) int {
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		if exit.err != nil {
			printError(w, exit.err)
		}
		return exit.code
	case errors.As(err, &usage), isCobraUsage(err):
		printError(w, err)
		fmt.Fprintf(w, "Run \"%s --help\" for usage.\n", cmd.CommandPath())
		return usageCode(cmd)
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	printError(w, err)
	return exitFailed
}

// usageCode is the exit code of a mistake in the command line. A server has one of its
// own, that of sysexits for a wrong configuration: whatever looks after it need not
// start it again then, and has to when it ended with 2, as Go's runtime ends a process
// that has crashed.
func usageCode(cmd *cobra.Command) int {
	if cmd.Name() == "server" {
		return exitConfig
	}
	return exitUsage
}

func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "%s %v\n", paint(w, red, "error:"), err)
}

// isCobraUsage recognises the two usage errors that cobra makes itself and
// gives no type.
func isCobraUsage(err error) bool {
	return strings.HasPrefix(err.Error(), "unknown command ") ||
		strings.HasPrefix(err.Error(), "required flag(s) ")
}
