package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
)

// exitLost is the exit code when what guarded a command was lost while it ran.
const exitLost = 3

// A guard is what zabra lock and zabra elect have in common: a command that runs while
// something is held.
type guard struct {
	connection
	wait  time.Duration
	kazoo bool
}

func (g *guard) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows the path is the command's own
	g.connection.flags(f)
	f.BoolVar(&g.kazoo, "kazoo", false, "name the nodes as kazoo does, not as Curator does")
}

func (g *guard) naming() recipes.Naming {
	if g.kazoo {
		return recipes.Kazoo
	}
	return recipes.Curator
}

func (g *guard) open(ctx context.Context) (*client.Client, error) {
	if g.wait < 0 {
		return nil, usageError{fmt.Errorf("--wait %v is negative", g.wait)}
	}
	if g.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, g.wait)
		defer cancel()
	}
	return g.connection.open(ctx)
}

// guardedArgs wants PATH -- COMMAND.
func guardedArgs(_ *cobra.Command, args []string) error {
	if len(guarded(args)) == 0 || !strings.HasPrefix(args[0], "/") {
		return errors.New("want PATH -- COMMAND [ARGUMENT...]")
	}
	return nil
}

// guarded is the command behind the path, with or without a -- before it.
func guarded(args []string) []string {
	if len(args) > 1 && args[1] == "--" {
		return args[2:]
	}
	return args[min(1, len(args)):]
}

func newLock() *cobra.Command {
	var g guard
	cmd := &cobra.Command{
		Use:   "lock PATH -- COMMAND [ARGUMENT...]",
		Short: "Run a command while holding a lock",
		Long: `Lock waits for the lock at PATH, runs the command, and releases the lock when that
ends. Its exit code is the command's, 127 if there is none, and 126 if it cannot be
run. If the lock is lost meanwhile, because the service has not been reached for the
session timeout, the command is told by SIGTERM, five seconds later by SIGKILL, and
the exit code is 3. Without a terminal so is all that it has started and that is
still in its process group; at a terminal, whose keyboard is the command's, only the
command itself is, and has to tell what it has started.

The command finds the fencing token in ZABRA_LOCK_TOKEN: a number that is larger
for every holder. What it writes to should refuse smaller ones.

Curator's InterProcessMutex uses the same lock; so does kazoo's Lock with --kazoo.

` + accessHelp,
		Example: `  zabra lock /locks/backup -- ./backup.sh
  zabra lock --wait 1s /locks/cron -- ./job   # exit code 1 if somebody has it for longer`,
		Args: usageArgs(guardedArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.open(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			h, err := g.take(cmd.Context(), func(ctx context.Context) (*recipes.Held, error) {
				return recipes.NewLock(c, args[0], g.naming()).Lock(ctx)
			})
			if err != nil {
				return fmt.Errorf("lock %s: %w", args[0], err)
			}
			defer h.Release(cmd.Context())
			return runHolding(cmd, h, guarded(args))
		},
	}
	g.flags(cmd)
	cmd.Flags().DurationVar(&g.wait, "wait", 0, "give up after this time; 0: never")
	return cmd
}

func newElect() *cobra.Command {
	var g guard
	var id string
	cmd := &cobra.Command{
		Use:   "elect PATH -- COMMAND [ARGUMENT...]",
		Short: "Run a command while being the leader",
		Long: `Elect campaigns at PATH and runs the command when it is the leader. When the
command ends another one leads, and the exit code is the command's. If the
leadership is lost meanwhile the command is ended as by zabra lock, and elect
campaigns again.

The command finds the fencing token in ZABRA_LOCK_TOKEN.

Curator's LeaderLatch uses the same election; so does kazoo's Election with
--kazoo.

` + accessHelp,
		Example: `  zabra elect /services/scheduler -- ./scheduler
  zabra elect --id $(hostname) /services/scheduler -- ./scheduler`,
		Args: usageArgs(guardedArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.open(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			return leadUntilDone(cmd, recipes.NewElection(c, args[0], g.naming()), id, func(h *recipes.Held) error {
				return runHolding(cmd, h, guarded(args))
			})
		},
	}
	g.flags(cmd)
	host, _ := os.Hostname() // without one the id is empty, which does no harm
	cmd.Flags().StringVar(&id, "id", host, "what others are told about who leads")
	return cmd
}

// leadUntilDone campaigns, and runs work while it leads, until work ends otherwise than by
// the loss of what it was guarded by.
func leadUntilDone(cmd *cobra.Command, e *recipes.Election, id string, work func(*recipes.Held) error) error {
	ctx, end := context.WithCancel(cmd.Context())
	defer end()
	done := errors.New("the command has ended")
	var result error
	err := e.Run(ctx, id, func(_ context.Context, h *recipes.Held) error {
		result = work(h)
		if wasLost(result) && cmd.Context().Err() == nil {
			printError(cmd.ErrOrStderr(), fmt.Errorf("elect %s: no longer the leader: %w; campaigning again", path.Dir(h.Path()), h.Err()))
			return nil
		}
		end() // the leadership may be lost now, and then an error alone does not end Run
		return done
	})
	if errors.Is(err, done) || cmd.Context().Err() == nil && ctx.Err() != nil {
		return result
	}
	return err
}

// wasLost reports whether runHolding ended by a loss. A command's own exit code, which may
// be the same, comes without words.
func wasLost(result error) bool {
	var exit exitError
	return errors.As(result, &exit) && exit.code == exitLost && exit.err != nil
}

// take waits for as long as --wait says.
func (g *guard) take(ctx context.Context, f func(context.Context) (*recipes.Held, error)) (*recipes.Held, error) {
	if g.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, g.wait, fmt.Errorf("somebody else has had it for %v", g.wait))
		defer cancel()
	}
	return f(ctx)
}

// runHolding runs a command until it ends, or until what guards it is lost.
func runHolding(cmd *cobra.Command, h *recipes.Held, args []string) error {
	ctx, cancel := h.Context(cmd.Context())
	defer cancel()
	err := newChild(ctx, cmd, args, fmt.Sprintf("ZABRA_LOCK_TOKEN=%d", int64(h.Token()))).run()
	switch {
	case h.Err() != nil:
		return exitError{exitLost, fmt.Errorf("%s: it was lost while the command ran: %w", h.Path(), h.Err())}
	case cmd.Context().Err() != nil:
		return context.Canceled
	}
	return err
}
