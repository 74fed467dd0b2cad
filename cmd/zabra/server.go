package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/zabra/zabra/internal/sdnotify"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
	"go.uber.org/zap"
)

func newServer() *cobra.Command {
	flags := zoocfg.NewFlags()
	var file string
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run a server",
		Long: `Run a server.

Without --config it is a standalone server on loopback with its data under
./data. With --config it takes a zoo.cfg as it is. Every key is also a flag and
an environment variable; docs/configuration.md lists them.`,
		Example: `  zabra server
  zabra server --config /etc/zookeeper/zoo.cfg
  zabra server --clientPort 2182 --dataDir /var/lib/zabra
  ZABRA_CLIENT_PORT=2182 zabra server`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" && cmd.Flags().Changed("config") {
				return usageError{errors.New("--config names no file; leave it out to run with the defaults")}
			}
			cfg, warnings, err := zoocfg.Load(zoocfg.Source{File: file, Environ: os.Environ(), Flags: flags})
			if err != nil {
				for _, w := range warnings {
					fmt.Fprintln(cmd.ErrOrStderr(), paint(cmd.ErrOrStderr(), yellow, "warning:"), w)
				}
				return usageError{err}
			}
			return serve(cmd, cfg, warnings)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "zoo.cfg to read")
	flags.Register(cmd.Flags())
	return cmd
}

// noArguments refuses what ZooKeeper's scripts take, and says how it is done here.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("unexpected argument %q; a configuration file is given with --config", args[0])}
}

func serve(cmd *cobra.Command, cfg *zoocfg.Config, warnings []zoocfg.Warning) error {
	log, err := newLogger(cmd.ErrOrStderr(), cfg.Log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	for _, w := range warnings {
		log.Warn(w.String())
	}
	s, err := server.Open(cfg, osfs.FS{}, log)
	if err != nil {
		return err
	}
	announce(cmd.OutOrStdout(), s, cfg)
	go tellSystemd(cmd.Context(), s, log)
	return s.Run(cmd.Context())
}

// tellSystemd says when the server has started and when it stops, if systemd asks.
func tellSystemd(ctx context.Context, s *server.Server, log *zap.Logger) {
	socket := os.Getenv(sdnotify.Variable)
	tell := func(state string) {
		if err := sdnotify.Send(socket, state); err != nil {
			log.Warn("systemd does not hear", zap.String("of", state), zap.Error(err))
		}
	}
	select {
	case <-s.Begun():
		tell(sdnotify.Ready)
	case <-ctx.Done():
	}
	<-ctx.Done()
	tell(sdnotify.Stopping)
}

// announce says where the server can be reached and where its data is.
func announce(w io.Writer, s *server.Server, cfg *zoocfg.Config) {
	for _, a := range s.Addrs() {
		fmt.Fprintf(w, "serving clients on %v\n", a)
	}
	for _, p := range s.Web() {
		fmt.Fprintf(w, "%s on %s\n", p.Name, p.URL)
	}
	fmt.Fprintf(w, "data in %s\n", cfg.DataDir)
}
