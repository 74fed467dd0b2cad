package main

import "github.com/spf13/cobra"

// newRoot builds the command tree. A new subcommand adds one line here and one
// file beside this one.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "zabra",
		Short: "A coordination service that speaks ZooKeeper's protocols",
		Long: `Zabra keeps a small, strongly consistent tree of znodes and serves it to every
ZooKeeper client.`,
		Example: `  zabra server                      # a standalone server on 127.0.0.1:2181
  zabra dev                         # three servers, to try an ensemble
  zabra cli ls /                    # what it holds
  zabra status                      # how it is
  zabra bench read set              # how fast it is`,
		Version: versionText(),
		// report prints errors, so that usage errors and failures look alike
		// everywhere and usage text does not bury a failure.
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		newServer(),
		newDev(),
		newVerify(),
		newLog(),
		newImport(),
		newExport(),
		newCLI(),
		newStatus(),
		newLock(),
		newElect(),
		newRegister(),
		newBench(),
		newVersion(),
	)
	return root
}
