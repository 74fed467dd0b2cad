package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/zabra/zabra/internal/bench"
	"github.com/zabra/zabra/internal/status"
)

// exitDown is the exit code of zabra status when nobody serves.
const exitDown = 3

func newStatus() *cobra.Command {
	var o status.Options
	var access accessFlags
	var watch time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show all servers of an ensemble at a glance",
		Long: `Status asks the servers at the given addresses, and all other members of their
ensemble, how they are, and prints a row for each. It knows Apache ZooKeeper's
servers as well.

Servers are asked by the four-letter words srvr and mntr. Where
4lw.commands.whitelist does not have them, the admin server at the same host is
asked. A server that does not answer is a row, and delays nobody.

Lag is by how many transactions a server was behind the leader, and after how
long it had them, at most. One that needs longer than --max-lag is a problem.

With TLS give the TLS ports of all servers: the configuration of an ensemble does
not name them. Admin servers are asked by HTTP all the same.

` + accessHelp + `

Exit codes:
  0  all is well
  1  the service is there, but a server is missing, behind, or not as it should be
  2  the command line is wrong
  3  nobody serves, or nobody answers`,
		Example: `  zabra status --server zk1:2181                    # finds the others
  zabra status --server zk1:2181,zk2:2181,zk3:2181  # works while zk1 is down
  zabra status --watch                              # again and again
  zabra status --json | jq .verdict`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := access.options()
			if err != nil {
				return err
			}
			o.Auth, o.SASL, o.TLS = to.Auth, to.SASL, to.TLS
			if o.Servers, err = bench.ParseServers(access.servers); err != nil {
				return usageError{fmt.Errorf("--server: %w", err)}
			}
			if o.AdminPort < 0 || o.AdminPort > 65535 {
				return usageError{fmt.Errorf("--admin-port %d: want a port, or 0 for none", o.AdminPort)}
			}
			for flag, d := range map[string]time.Duration{"watch": watch, "timeout": o.Timeout, "max-lag": o.MaxLag} {
				if d < 0 {
					return usageError{fmt.Errorf("--%s %v is negative", flag, d)}
				}
			}
			show := showText
			if asJSON {
				show = showJSON
			}
			return runStatus(cmd, status.New(o), watch, show)
		},
	}
	f := cmd.Flags()
	access.register(f, "host:port[,host:port...] of clients; one is enough while that one serves")
	f.DurationVar(&o.Timeout, "timeout", 2*time.Second, "how long to wait for a server's answers")
	f.DurationVar(&o.MaxLag, "max-lag", time.Second, "how much later than the leader a server may have a transaction")
	f.IntVar(&o.AdminPort, "admin-port", 8080, "port of the admin servers, for what four-letter words may not tell; 0: do not ask them")
	f.DurationVar(&watch, "watch", 0, "show it again after each such time, until Ctrl-C")
	f.Lookup("watch").NoOptDefVal = "2s"
	f.BoolVar(&asJSON, "json", false, "print JSON, with --watch an object a line")
	return cmd
}

// runStatus asks once, or again and again, and returns the exit code of the last answers.
func runStatus(cmd *cobra.Command, a *status.Asker, watch time.Duration, show func(io.Writer, *status.Report, bool) error) error {
	for ctx := cmd.Context(); ; {
		r := a.Ask(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := show(cmd.OutOrStdout(), r, watch > 0); err != nil {
			return err
		}
		if watch == 0 {
			return statusExit(r.Verdict)
		}
		select {
		case <-time.After(watch):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func statusExit(v status.Verdict) error {
	switch v {
	case status.OK:
		return nil
	case status.Degraded:
		return exitError{code: exitFailed}
	}
	return exitError{code: exitDown}
}

func showJSON(w io.Writer, r *status.Report, again bool) error {
	enc := json.NewEncoder(w)
	if !again {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(r)
}

// paints are the colours of a report.
var paints = map[status.Paint]colour{status.Good: green, status.Warning: yellow, status.Bad: red}

func showText(w io.Writer, r *status.Report, again bool) error {
	paintIt := func(p status.Paint, text string) string {
		if c, ok := paints[p]; ok {
			return paint(w, c, text)
		}
		return text
	}
	if !again {
		return r.WriteText(w, paintIt)
	}
	var b strings.Builder
	if isTerminal(w) {
		b.WriteString("\x1b[H\x1b[2J") // home, and an empty screen
	}
	fmt.Fprintf(&b, "%s\n\n", r.Time.Local().Format(time.DateTime))
	if err := r.WriteText(&b, paintIt); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}
