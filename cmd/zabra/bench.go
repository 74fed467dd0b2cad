package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/zabra/zabra/internal/bench"
	"github.com/zabra/zabra/internal/bench/floor"
)

// benchFlags are the flags of zabra bench that are not bench.Options as they
// stand.
type benchFlags struct {
	o        bench.Options
	servers  string
	json     bool
	progress bool
	compare  string
	rounds   int
}

func newBench() *cobra.Command {
	f := &benchFlags{o: bench.Defaults()}
	cmd := &cobra.Command{
		Use:   "bench workload...",
		Short: "Measure a ZooKeeper-compatible server under load",
		Long: `Bench makes load with raw connections and prints throughput, latencies, errors
and, given the server's pid, its CPU time for each operation and its memory.

Workloads:
  read       getData of random keys
  set        setData of random keys
  mixed      both, in the ratio of --read-ratio
  multi      multis of --multi-ops setData each; one multi is one operation
  create     persistent nodes, a folder for each connection
  delete     of --ops nodes that are made first (200000)
  ephemeral  an ephemeral node is created and deleted; each is an operation
  watch      one more connection sets a node that all watch; events are counted
  connect    sessions are opened; each connection opens them one after another
  idle       sessions that only ping: what a session costs in memory
  all        each of them

It works below /zabra-bench-<random> and removes that at the end, also after
Ctrl-C, which ends the measuring and prints what was measured.`,
		Example: `  zabra bench read set --server 127.0.0.1:2181 --pid $(pgrep -f "zabra server")
  zabra bench mixed -c 64 -o 16 --size 1000 --read-ratio 0.8 --duration 30s --json
  zabra bench connect -c 1                       # sessions one after another
  zabra bench idle -c 10000 --pid 4711           # bytes of memory for each session
  zabra bench set -c 1 -o 1 --rate 1000          # latency at a given rate
  zabra bench all --server :2181 --pid 4711 --compare 127.0.0.1:2191,4712 --rounds 5
  zabra bench load 1000000 --size 100 --pid 4711 # memory for a million nodes
  zabra bench wait 127.0.0.1:2181                # time to the first session`,
		ValidArgs: append(bench.Workloads(), "all"),
		Args:      usageArgs(cobra.MatchAll(cobra.MinimumNArgs(1), cobra.OnlyValidArgs)),
		RunE:      func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.SetGlobalNormalizationFunc(serverFlag)
	f.register(cmd)
	cmd.AddCommand(newBenchLoad(f), newBenchClean(f), newBenchWait(), newBenchFloor())
	return cmd
}

// register adds the flags; those that also load and clean use are persistent.
func (f *benchFlags) register(cmd *cobra.Command) {
	o, all, own := &f.o, cmd.PersistentFlags(), cmd.Flags()
	all.StringVar(&f.servers, "server", strings.Join(o.Servers, ","), "host:port[,host:port...]; connections go round them")
	all.IntVar(&o.Size, "size", o.Size, "bytes of a value")
	all.IntSliceVar(&o.PIDs, "pid", nil, "the server's process, or processes, to read CPU and memory of")
	all.BoolVar(&f.json, "json", false, "print JSON instead of a table")
	all.BoolVar(&f.progress, "progress", false, "show progress also if standard error is not a terminal")
	all.DurationVar(&o.Timeout, "session-timeout", o.Timeout, "session timeout to ask for")
	own.IntVarP(&o.Connections, "connections", "c", o.Connections, "sessions that make the load")
	own.IntVarP(&o.Outstanding, "outstanding", "o", o.Outstanding, "requests under way on each connection")
	own.IntVar(&o.Keys, "keys", o.Keys, "nodes that read, set, mixed and multi choose from")
	own.DurationVarP(&o.Duration, "duration", "d", o.Duration, "how long to measure")
	own.DurationVar(&o.WarmUp, "warm-up", o.WarmUp, "load before measuring starts")
	own.Int64VarP(&o.Ops, "ops", "n", 0, "measure this many operations instead of a duration")
	own.Float64Var(&o.Rate, "rate", 0, "operations started per second, over all connections (0: as many as possible)")
	own.Float64Var(&o.ReadRatio, "read-ratio", o.ReadRatio, "share of reads in mixed")
	own.IntVar(&o.MultiOps, "multi-ops", o.MultiOps, "operations in one multi")
	own.BoolVar(&o.OneShot, "one-shot", false, "watch: one-shot watches, set again after each event, instead of persistent ones")
	own.IntVar(&o.Threads, "threads", o.Threads, "event loops of the client")
	own.BoolVar(&o.Portable, "portable", false, "drive connections with goroutines instead of epoll")
	own.StringVar(&f.compare, "compare", "", "host:port[,pid...] of a second server: run both in turns and print ratios")
	own.IntVar(&f.rounds, "rounds", 3, "how often --compare runs each server")
	own.MarkHidden("portable")
}

// options are the options with what the flags of both levels say.
func (f *benchFlags) options(cmd *cobra.Command) (bench.Options, error) {
	o := f.o
	servers, err := bench.ParseServers(f.servers)
	if err != nil {
		return o, usageError{fmt.Errorf("--server: %w", err)}
	}
	o.Servers = servers
	if err := o.Validate(); err != nil {
		return o, usageError{err}
	}
	if w := cmd.ErrOrStderr(); f.progress || isTerminal(w) {
		o.Progress = progressLine(w)
	}
	return o, nil
}

func (f *benchFlags) run(cmd *cobra.Command, workloads []string) error {
	o, err := f.options(cmd)
	if err != nil {
		return err
	}
	if slices.Contains(workloads, "all") {
		workloads = bench.Workloads()
	}
	if f.compare != "" {
		return f.runCompare(cmd, workloads, o)
	}
	var results []*bench.Result
	for _, name := range workloads {
		r, err := bench.Run(cmd.Context(), name, o)
		clearLine(cmd, o)
		if r != nil {
			results = append(results, r)
		}
		if err != nil {
			return errors.Join(f.print(cmd, results), fmt.Errorf("%s: %w", name, err))
		}
		if cmd.Context().Err() != nil {
			break
		}
	}
	return f.finish(cmd, f.print(cmd, results), slices.ContainsFunc(results, (*bench.Result).Failed))
}

func (f *benchFlags) print(cmd *cobra.Command, results []*bench.Result) error {
	if len(results) == 0 {
		return nil
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), results)
	}
	return bench.WriteTable(cmd.OutOrStdout(), results...)
}

// finish turns how the runs went into an exit code.
func (f *benchFlags) finish(cmd *cobra.Command, err error, failed bool) error {
	switch {
	case err != nil:
		return err
	case cmd.Context().Err() != nil:
		return exitError{code: exitInterrupted}
	case failed:
		return errors.New("some operations failed; see above")
	}
	return nil
}

func (f *benchFlags) runCompare(cmd *cobra.Command, workloads []string, a bench.Options) error {
	b, err := f.other(a)
	if err != nil {
		return usageError{err}
	}
	var all []*bench.Comparison
	for _, name := range workloads {
		c, err := bench.Compare(cmd.Context(), name, a, b, f.rounds)
		clearLine(cmd, a)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, c)
		if cmd.Context().Err() != nil {
			break
		}
	}
	if f.json {
		err = printJSON(cmd.OutOrStdout(), all)
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "A: %s   B: %s\n", strings.Join(a.Servers, ","), strings.Join(b.Servers, ","))
		err = bench.WriteComparison(cmd.OutOrStdout(), all...)
	}
	return f.finish(cmd, err, slices.ContainsFunc(all, (*bench.Comparison).Failed))
}

// other reads --compare: servers, then pids.
func (f *benchFlags) other(a bench.Options) (bench.Options, error) {
	b := a
	b.Servers, b.PIDs = nil, nil
	if f.rounds < 1 {
		return b, fmt.Errorf("--rounds %d is less than 1", f.rounds)
	}
	for _, part := range strings.Split(f.compare, ",") {
		if pid, err := strconv.Atoi(part); err == nil {
			b.PIDs = append(b.PIDs, pid)
			continue
		}
		servers, err := bench.ParseServers(part)
		if err != nil {
			return b, fmt.Errorf("--compare: %w", err)
		}
		b.Servers = append(b.Servers, servers...)
	}
	if len(b.Servers) == 0 {
		return b, fmt.Errorf("--compare %q names no server", f.compare)
	}
	return b, nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// progressLine prints progress over itself on one line.
func progressLine(w io.Writer) func(bench.Progress) {
	return func(p bench.Progress) {
		line := fmt.Sprintf("%s %.1fs  %d ops", p.Phase, p.Elapsed.Seconds(), p.Ops)
		if p.Errors > 0 {
			line += fmt.Sprintf(", %d errors", p.Errors)
		}
		fmt.Fprintf(w, "\r%-60s", line)
	}
}

func clearLine(cmd *cobra.Command, o bench.Options) {
	if o.Progress != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "\r%-60s\r", "")
	}
}

func newBenchLoad(f *benchFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "load nodes",
		Short:   "Make many znodes, quickly, and leave them",
		Example: "  zabra bench load 1000000 --size 100 --server 127.0.0.1:2181 --pid 4711",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			nodes, err := strconv.Atoi(args[0])
			if err != nil || nodes < 1 {
				return usageError{fmt.Errorf("%q is not a number of nodes", args[0])}
			}
			o, err := f.options(cmd)
			if err != nil {
				return err
			}
			root, r, err := bench.Load(cmd.Context(), nodes, o)
			clearLine(cmd, o)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "made %d nodes of %d bytes below %s\n", nodes, o.Size, root)
			return f.print(cmd, []*bench.Result{r})
		},
	}
}

func newBenchClean(f *benchFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "clean [root...]",
		Short:   "Remove what bench load, or a run that was killed, has left",
		Example: "  zabra bench clean --server 127.0.0.1:2181\n  zabra bench clean /zabra-bench-0123456789ab",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, roots []string) error {
			o, err := f.options(cmd)
			if err != nil {
				return err
			}
			if len(roots) == 0 {
				if roots, err = bench.Roots(cmd.Context(), o); err != nil {
					return err
				}
			}
			for _, root := range roots {
				err := bench.Clean(cmd.Context(), root, o)
				clearLine(cmd, o)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", root)
			}
			return nil
		},
	}
}

func newBenchWait() *cobra.Command {
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "wait server",
		Short: "Print how long a server takes to open its first session",
		Long: `Wait tries every millisecond to open a session and prints the milliseconds from
its own start until there is one. Started together with the server, it measures
the restart.`,
		Example: "  zabra server --dataDir data & zabra bench wait 127.0.0.1:2181",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			servers, err := bench.ParseServers(args[0])
			if err != nil {
				return usageError{err}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), limit)
			defer cancel()
			took, err := bench.Wait(ctx, servers[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%.1f ms\n", float64(took)/1e6)
			return nil
		},
	}
	cmd.Flags().DurationVar(&limit, "limit", time.Minute, "give up after this time")
	return cmd
}

func newBenchFloor() *cobra.Command {
	return &cobra.Command{
		Use:     "floor address",
		Short:   "Run a server that answers from a map and keeps nothing",
		Example: "  zabra bench floor 127.0.0.1:2199",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := floor.Listen(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "listening on %s, pid %d\n", s.Addr(), os.Getpid())
			<-cmd.Context().Done()
			return s.Close()
		},
	}
}
