package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/zkdata"
)

func newImport() *cobra.Command {
	o := zkdata.ImportOptions{}
	m := moveFlags{}
	cmd := &cobra.Command{
		Use:   "import --from DIR --to DIR",
		Short: "Take over the data of an Apache ZooKeeper server that is stopped",
		Long: `Read the dataDir and dataLogDir of an Apache ZooKeeper server that is stopped and
write those of a Zabra server, which then starts where that one stopped: the same
nodes, versions, ACLs and sessions, and, of a member of an ensemble, the same epochs
and the same vote. What is read is not changed.

--to must be empty or not exist, or be ZooKeeper's own dataDir: the two keep
different folders in it, and Zabra then starts with ZooKeeper's zoo.cfg as it is.

Damage is refused with file, offset and what to do; then nothing is left in --to.`,
		Example: `  zabra import --from /var/lib/zookeeper --to /var/lib/zookeeper
  zabra import --from /var/lib/zookeeper --from-log /fast/zookeeper-log --to /var/lib/zabra
  zabra import --from backup/zookeeper --to ./data --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.From = zkdata.Dirs{Data: m.from, Log: cmp.Or(m.fromLog, m.from)}
			o.To = layout(m.to, m.logTo())
			o.Progress = m.progress(cmd)
			r, err := zkdata.Import(cmd.Context(), osfs.FS{}, o)
			return m.end(cmd, "import", r, err)
		},
	}
	m.register(cmd, "ZooKeeper's", "Zabra's")
	cmd.Flags().BoolVar(&o.AcceptDifferences, "accept-differences", false, "import also if digests say that the tree is not what ZooKeeper had")
	return cmd
}

func newExport() *cobra.Command {
	m := moveFlags{}
	cmd := &cobra.Command{
		Use:   "export --from DIR --to DIR",
		Short: "Give the data of a stopped Zabra server to Apache ZooKeeper",
		Long: `Read the directories of a Zabra server that is stopped and write the folder version-2
of an Apache ZooKeeper server (3.6 or newer), which then starts where that one stopped.
What is read is not changed.

--to must be empty or not exist, or be Zabra's own dataDir; it must have no folder
version-2, which would be older: move that away first.

The checkpoint is read in a copy, for which the directory for temporary files (TMPDIR)
needs room.`,
		Example: `  zabra export --from /var/lib/zookeeper --to /var/lib/zookeeper
  zabra export --from ./data --to /tmp/zookeeper --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := zkdata.ExportOptions{
				From: layout(m.from, m.fromLog), To: zkdata.Dirs{Data: m.to, Log: cmp.Or(m.logTo(), m.to)},
				Progress: m.progress(cmd),
			}
			r, err := zkdata.Export(cmd.Context(), osfs.FS{}, o)
			return m.end(cmd, "export", r, err)
		},
	}
	m.register(cmd, "Zabra's", "ZooKeeper's")
	return cmd
}

// moveFlags are those of import and export.
type moveFlags struct {
	from, fromLog, to, toLog string
	asJSON                   bool
}

func (m *moveFlags) register(cmd *cobra.Command, source, target string) {
	f := cmd.Flags()
	f.StringVar(&m.from, "from", "", source+" dataDir")
	f.StringVar(&m.fromLog, "from-log", "", source+" dataLogDir, if it is not the dataDir")
	f.StringVar(&m.to, "to", "", target+" dataDir, to be written")
	f.StringVar(&m.toLog, "to-log", "", target+" dataLogDir, if it shall not be the dataDir (default: --from-log, if --to is --from)")
	f.BoolVar(&m.asJSON, "json", false, "print one JSON object")
	_ = cmd.MarkFlagRequired("from") // fails for a flag that there is not
	_ = cmd.MarkFlagRequired("to")
}

// logTo is the dataLogDir to be written. A server that keeps its zoo.cfg keeps both
// directories.
func (m *moveFlags) logTo() string {
	if m.toLog == "" && m.to == m.from {
		return m.fromLog
	}
	return m.toLog
}

// progress shows how far it is, to a person.
func (m *moveFlags) progress(cmd *cobra.Command) zkdata.Progress {
	w := cmd.ErrOrStderr()
	if !isTerminal(w) {
		return nil
	}
	shown := ""
	return func(stage string, done, total int64) {
		line := stage
		if total > 0 {
			line = fmt.Sprintf("%s  %d%%", stage, 100*done/total)
		}
		if line != shown {
			fmt.Fprintf(w, "\r%-40s", line)
			shown = line
		}
	}
}

// end prints the report, or what has gone wrong.
func (m *moveFlags) end(cmd *cobra.Command, what string, r interface {
	WriteText(io.Writer) error
	WriteJSON(io.Writer) error
}, err error) error {
	if w := cmd.ErrOrStderr(); isTerminal(w) {
		fmt.Fprintf(w, "\r%-40s\r", "")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if m.asJSON {
		return r.WriteJSON(cmd.OutOrStdout())
	}
	return r.WriteText(cmd.OutOrStdout())
}
