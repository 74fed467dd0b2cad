package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zabra/zabra/internal/cli"
)

// cliFlags are what zabra cli is told before the command.
type cliFlags struct {
	accessFlags
	timeout  sessionTimeout
	readOnly bool
	wait     bool
	patience time.Duration
	json     bool
}

func newCLI() *cobra.Command {
	flags := cliFlags{timeout: sessionTimeout(30 * time.Second)}
	cmd := &cobra.Command{
		Use:   "cli [flag...] [command [argument...]]",
		Short: "Look at and change znodes, as zkCli does",
		Long: `Cli runs one command and exits, or, without one, reads commands until quit. The
commands that zkCli.sh has are as there, with their options and outputs, and so
are its own options: zkCli.sh -server host:port ls / becomes zabra cli -server
host:port ls /. Results go to standard output, errors and "Created ..." to
standard error.

addWatch as the one command prints events until Ctrl-C.

` + accessHelp + `

Exit codes: 0 done; 1 the server said no, or something here did not work; 2 the
command makes no sense; 3 no server was reached, or the connection was lost; 4
credentials were refused, or an ACL does not allow it; 5 somebody else has changed
the node; 127 there is no such command; 130 interrupted.

Commands:
` + strings.TrimRight(cli.Help(), "\n"),
		Example: `  zabra cli                                   # a shell; quit ends it
  zabra cli create /greeting hello
  zabra cli get -s /greeting
  zabra cli get --json /greeting
  zabra cli -s zk1:2181,zk2:2181 ls -R /
  zabra cli --auth digest:bob:secret getAcl /private
  zabra cli help find                         # all about a command`,
		// zkCli's options have one dash, and pflag would take them for letters.
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cmd.Flags().Parse(twoDashes(cmd.Flags(), args)); err != nil {
				return usageError{err}
			}
			if help, _ := cmd.Flags().GetBool("help"); help {
				return cmd.Help()
			}
			return flags.run(cmd, cmd.Flags().Args())
		},
	}
	flags.register(cmd.Flags())
	cmd.SetGlobalNormalizationFunc(serverFlag)
	return cmd
}

func (c *cliFlags) register(f *pflag.FlagSet) {
	f.SetInterspersed(false) // what follows the command's name is its own
	c.accessFlags.register(f, "host:port[,host:port...][/path], tried in random order")
	f.Var(&c.timeout, "timeout", "session timeout to ask for, such as 30s; a bare number is milliseconds")
	f.BoolVarP(&c.readOnly, "read-only", "r", false, "be content with a server that has lost its quorum")
	f.BoolVar(&c.wait, "waitforconnection", false, "try to connect for as long as the session timeout")
	f.DurationVar(&c.patience, "connect-timeout", 5*time.Second, "how long to try to connect")
	f.BoolVar(&c.json, "json", false, "print what is read, and events, as JSON")
}

// ownSpelling are the options of zkCli that have one dash and a word.
var ownSpelling = map[string]bool{"-server": true, "-timeout": true, "-waitforconnection": true, "-client-configuration": true}

// twoDashes gives zkCli's options the second dash that flags have here, up to the
// command.
func twoDashes(f *pflag.FlagSet, args []string) []string {
	out := append([]string{}, args...)
	for i := 0; i < len(out); i++ {
		a := out[i]
		if !strings.HasPrefix(a, "-") || a == "--" {
			break
		}
		if ownSpelling[a] {
			out[i] = "-" + a
		}
		if takesNext(f, out[i]) {
			i++
		}
	}
	return out
}

// takesNext reports whether the word behind a flag is its value.
func takesNext(f *pflag.FlagSet, word string) bool {
	name, long := strings.CutPrefix(word, "--")
	var flag *pflag.Flag
	switch {
	case long:
		flag = f.Lookup(name)
	case len(word) == 2:
		flag = f.ShorthandLookup(word[1:])
	}
	return flag != nil && flag.NoOptDefVal == ""
}

// A sessionTimeout is a duration, or zkCli's number of milliseconds.
type sessionTimeout time.Duration

func (t *sessionTimeout) String() string { return time.Duration(*t).String() }
func (t *sessionTimeout) Type() string   { return "duration" }

func (t *sessionTimeout) Set(s string) error {
	d, err := time.ParseDuration(s)
	if ms, e := strconv.ParseInt(s, 10, 32); e == nil {
		d, err = time.Duration(ms)*time.Millisecond, nil
	}
	if err != nil || d <= 0 {
		return errors.New("want a time such as 30s, or milliseconds")
	}
	*t = sessionTimeout(d)
	return nil
}

// serverFlag takes --server for --servers and the other way round: zkCli has
// the one, where several make load the other reads better.
func serverFlag(f *pflag.FlagSet, name string) pflag.NormalizedName {
	if name == "servers" {
		name = "server"
	}
	return pflag.NormalizedName(name)
}

// shell is the configuration that the flags make.
func (c *cliFlags) shell(cmd *cobra.Command) (cli.Config, error) {
	o, err := c.options()
	if err != nil {
		return cli.Config{}, err
	}
	o.SessionTimeout, o.ReadOnly = time.Duration(c.timeout), c.readOnly
	cfg := cli.Config{
		Servers: c.servers, JSON: c.json, Version: versionText(), Patience: c.patience, Options: o,
		Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(),
		Colour: coloured(cmd.OutOrStdout()), Terminal: isTerminal(cmd.OutOrStdout()), Person: isTerminal(cmd.ErrOrStderr()),
	}
	if c.wait {
		cfg.Patience = max(c.patience, time.Duration(c.timeout))
	}
	return cfg, nil
}

func (c *cliFlags) run(cmd *cobra.Command, args []string) error {
	cfg, err := c.shell(cmd)
	if err != nil {
		return err
	}
	in := cmd.InOrStdin()
	if isTerminal(in) && isTerminal(cmd.OutOrStdout()) {
		cfg.Edit, cfg.Ask = editFile, ask
	}
	if len(args) == 0 {
		return interactive(cmd, in, cfg)
	}
	cfg.In = in
	return cliExit(oneShot(cmd.Context(), cfg, args))
}

// oneShot runs a single command.
func oneShot(ctx context.Context, cfg cli.Config, args []string) error {
	shell := cli.New(cfg)
	defer shell.Close()
	if cli.NeedsConnection(args[0]) {
		if err := shell.Connect(ctx); err != nil {
			return err
		}
	}
	err := shell.Run(ctx, args)
	if err == nil && shell.Watching() && strings.EqualFold(args[0], "addWatch") {
		err = shell.Wait(ctx)
	}
	return err
}

// cliExit gives an error the exit code that the shell has for it.
func cliExit(err error) error {
	code := cli.ExitCode(err)
	if code == cli.ExitOK {
		return nil
	}
	if errors.Is(err, cli.ErrDiffer) {
		return exitError{code: code}
	}
	var part *cli.PartError
	if errors.Is(err, context.Canceled) && !errors.As(err, &part) || code == exitFailed {
		return err
	}
	return exitError{code, err}
}

// interactive reads commands: a person's, or a script's.
func interactive(cmd *cobra.Command, in io.Reader, cfg cli.Config) error {
	if isTerminal(in) && isTerminal(cfg.Out) {
		return terminal(cmd, cfg)
	}
	ctx := cmd.Context()
	shell := cli.New(cfg)
	defer shell.Close()
	if err := shell.Connect(ctx); err != nil {
		return cliExit(err)
	}
	return printed(ctx, shell.Interactive(ctx, cli.Script(in), nil))
}

// terminal is a person's shell: Ctrl-C ends a command, not the shell.
func terminal(cmd *cobra.Command, cfg cli.Config) error {
	ctx, stop := signal.NotifyContext(context.WithoutCancel(cmd.Context()), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	defer signal.Stop(interrupt)
	shell, lines, err := cli.Terminal(cfg, historyFile())
	if err != nil {
		return err
	}
	defer lines.Close()
	defer shell.Close()
	shell.Greet()
	if err := shell.Connect(ctx); err != nil {
		shell.Report(err)
	}
	return printed(ctx, shell.Interactive(ctx, lines, interrupt))
}

// printed is an error of the last command, which the shell has printed already.
func printed(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil {
		return exitError{code: cli.ExitCode(err)}
	}
	return err
}

// historyFile is where the commands of a person are kept: ZABRA_HISTORY, or in the
// directory for state that freedesktop.org names.
func historyFile() string {
	if path, set := os.LookupEnv("ZABRA_HISTORY"); set {
		return path
	}
	return cli.HistoryFile(os.Getenv("XDG_STATE_HOME"), os.Getenv("HOME"))
}
