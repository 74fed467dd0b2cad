package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/zabra/zabra/internal/dev"
)

func newDev() *cobra.Command {
	o := dev.Options{}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run an ensemble on this machine, for trying things out",
		Long: `Dev starts an ensemble on loopback, each server a process of its own, and prints
where they serve, who leads, and their pids. Kill one and watch: the others go
on, and it starts again after a pause. Ctrl-C stops all.

The table and what happens to the servers go to standard output, the servers'
logs to standard error, each line behind the number of its server. The data is
kept between starts.`,
		Example: `  zabra dev
  zabra dev --fresh --servers 5 --observers 2
  zabra dev --restart 0                # a server that is killed stays dead
  zabra dev 2>dev.log                  # the table without the logs
  zabra dev --json 2>/dev/null         # for a program: an object a line`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return usageError{err}
			}
			binary, err := os.Executable()
			if err != nil {
				return fmt.Errorf("dev: where is zabra itself: %w", err)
			}
			o.Binary, o.Out, o.Log, o.Colours = binary, cmd.OutOrStdout(), cmd.ErrOrStderr(), coloured(cmd.ErrOrStderr())
			return dev.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Servers, "servers", 3, "servers that vote")
	f.IntVar(&o.Observers, "observers", 0, "servers that do not vote")
	f.IntVar(&o.Port, "port", 2181, "first client port to try; the others follow, and the ports between servers lie as far from it as 2888 from 2181")
	f.StringVar(&o.Dir, "data", "data/dev", "directory of the data")
	f.BoolVar(&o.Fresh, "fresh", false, "remove the data of earlier starts first")
	f.DurationVar(&o.Restart, "restart", 5*time.Second, "start a server that ended again after this time; 0: never")
	f.BoolVar(&o.JSON, "json", false, "print JSON, an object a line")
	return cmd
}
