package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zabra/zabra/internal/bench"
	"github.com/zabra/zabra/internal/cli"
)

func newCLI() *cobra.Command {
	cfg := cli.Config{Timeout: 30 * time.Second}
	servers := "127.0.0.1:2181"
	cmd := &cobra.Command{
		Use:   "cli [command [argument...]]",
		Short: "Look at and change znodes, as zkCli does",
		Long: `Cli runs one command and exits, or, without one, reads commands until quit. The
commands, their options and their output are those of ZooKeeper's zkCli.sh.
Results go to standard output, errors and "Created ..." to standard error.

addWatch as the one command prints events until Ctrl-C.

Commands:
` + strings.TrimRight(cli.Help(), "\n"),
		Example: `  zabra cli                                   # a shell; quit ends it
  zabra cli create /greeting hello
  zabra cli get -s /greeting
  zabra cli --json get /greeting
  zabra cli --server zk1:2181,zk2:2181 ls -R /
  zabra cli --auth digest:bob:secret getAcl /private
  zabra cli addWatch /greeting`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if cfg.Servers, err = bench.ParseServers(servers); err != nil {
				return usageError{fmt.Errorf("--server: %w", err)}
			}
			cfg.Out, cfg.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return runCLI(cmd.Context(), cmd, cfg, args)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows the command's name is its own
	cmd.SetGlobalNormalizationFunc(serverFlag)
	f.StringVar(&servers, "server", servers, "host:port[,host:port...], tried in turn")
	f.DurationVar(&cfg.Timeout, "timeout", cfg.Timeout, "session timeout to ask for")
	f.BoolVarP(&cfg.ReadOnly, "read-only", "r", false, "be content with a server that has lost its quorum")
	f.StringArrayVar(&cfg.Auth, "auth", nil, "scheme:credentials to authenticate with, such as digest:user:password")
	f.BoolVar(&cfg.JSON, "json", false, "print what is read, and events, as JSON")
	return cmd
}

// serverFlag takes --server for --servers and the other way round: zkCli has
// the one, where several make load the other reads better.
func serverFlag(f *pflag.FlagSet, name string) pflag.NormalizedName {
	if name == "servers" {
		name = "server"
	}
	return pflag.NormalizedName(name)
}

func runCLI(ctx context.Context, cmd *cobra.Command, cfg cli.Config, args []string) error {
	shell, err := cli.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer shell.Close()
	if len(args) == 0 {
		err = shell.Interactive(ctx, cmd.InOrStdin(), isTerminal(cmd.InOrStdin()) && isTerminal(cmd.OutOrStdout()))
		if err != nil && ctx.Err() == nil {
			return exitError{code: exitOf(err)} // it is printed already
		}
		return err
	}
	err = shell.Run(ctx, args)
	if err == nil && strings.EqualFold(args[0], "addWatch") {
		err = shell.Wait(ctx)
	}
	if err != nil && exitOf(err) != exitFailed {
		return exitError{exitOf(err), err}
	}
	return err
}

// exitUnknown is the exit code for a command that the shell does not know, as
// in zkCli and sh.
const exitUnknown = 127

func exitOf(err error) int {
	var usage *cli.UsageError
	var unknown *cli.UnknownCommand
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &unknown):
		return exitUnknown
	}
	return exitFailed
}
