package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
)

// errDamaged makes the exit code 1; the report has said what is wrong.
var errDamaged = exitError{code: exitFailed}

func newVerify() *cobra.Command {
	var logDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Check the data directory of a stopped server",
		Long: `Check the data directory of a stopped server, without changing it, and print what
it holds: the segments of the log, the checkpoint, and the state that a start
would load. Damage is printed with file, offset and what to do; the exit code is
then 1. Files that a member of an ensemble has put aside because they were damaged
are listed, with whether a leader has filled it anew since.

The checkpoint is examined in a copy, for which the directory for temporary files
(TMPDIR) needs room.`,
		Example: `  zabra verify ./data
  zabra verify /var/lib/zabra --dataLogDir /fast/zabra-log-disk
  zabra verify ./data --json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := inspect.Verify(osfs.FS{}, layout(args[0], logDir))
			if err != nil {
				return fmt.Errorf("verify: %w", err)
			}
			write := r.WriteText
			if asJSON {
				write = r.WriteJSON
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return err
			}
			if len(r.Damage) > 0 {
				return errDamaged
			}
			return nil
		},
	}
	dataLogDirFlag(cmd, &logDir)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func dataLogDirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dataLogDir", "", "directory of the log, if the server's dataLogDir is not its dataDir")
}

func layout(dir, logDir string) datadir.Layout {
	if logDir == "" {
		logDir = dir
	}
	return datadir.Layout{Data: dir, Log: logDir}
}
