package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A command is one word of the shell. Its flags are set up anew for each use.
type command struct {
	usage    string // as zkCli prints it
	min, max int    // words besides flags
	flags    func(*pflag.FlagSet, *options)
	run      func(context.Context, *call) error
}

// options are the flags of all commands; each command sets up its own.
type options struct {
	stat, watch, recursive           bool
	sequential, ephemeral, container bool
	ttl                              int64
	version                          int32
	mode                             string
	batch                            int
}

// A call is a command being executed.
type call struct {
	*Shell
	options
	args []string
	path string // the first word, where that is a path
}

// commands by lower-case name: zkCli's names differ in case, and so do habits.
var commands = map[string]*command{
	"ls":                   {"ls [-s] [-w] [-R] path", 1, 1, lsFlags, ls},
	"get":                  {"get [-s] [-w] path", 1, 1, readFlags, get},
	"stat":                 {"stat [-w] path", 1, 1, watchFlag, stat},
	"create":               {"create [-s] [-e] [-c] [-t ttl] path [data] [acl]", 1, 3, createFlags, create},
	"set":                  {"set [-s] [-v version] path data", 2, 2, setFlags, set},
	"delete":               {"delete [-v version] path", 1, 1, versionFlag, remove},
	"deleteall":            {"deleteall path [-b batch size]", 1, 1, batchFlag, removeAll},
	"getacl":               {"getAcl [-s] path", 1, 1, statFlag, getACL},
	"setacl":               {"setAcl [-s] [-v version] [-R] path acl", 2, 2, setACLFlags, setACL},
	"addauth":              {"addauth scheme auth", 2, 2, nil, addAuth},
	"whoami":               {"whoami", 0, 0, nil, whoAmI},
	"sync":                 {"sync path", 1, 1, nil, syncPath},
	"getephemerals":        {"getEphemerals [path]", 0, 1, nil, ephemerals},
	"getallchildrennumber": {"getAllChildrenNumber path", 1, 1, nil, countAll},
	"addwatch":             {"addWatch [-m mode] path # mode is PERSISTENT or PERSISTENT_RECURSIVE, the default", 1, 1, modeFlag, addWatch},
}

// Help lists the commands.
func Help() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		b.WriteString("\t" + commands[name].usage + "\n")
	}
	b.WriteString("\thelp\n\tquit\n")
	return b.String()
}

func statFlag(f *pflag.FlagSet, o *options)  { f.BoolVarP(&o.stat, "s", "s", false, "") }
func watchFlag(f *pflag.FlagSet, o *options) { f.BoolVarP(&o.watch, "w", "w", false, "") }
func modeFlag(f *pflag.FlagSet, o *options) {
	f.StringVarP(&o.mode, "m", "m", "PERSISTENT_RECURSIVE", "")
}
func batchFlag(f *pflag.FlagSet, o *options)   { f.IntVarP(&o.batch, "b", "b", 1000, "") }
func versionFlag(f *pflag.FlagSet, o *options) { f.Int32VarP(&o.version, "v", "v", -1, "") }

func readFlags(f *pflag.FlagSet, o *options) {
	statFlag(f, o)
	watchFlag(f, o)
}

func lsFlags(f *pflag.FlagSet, o *options) {
	readFlags(f, o)
	f.BoolVarP(&o.recursive, "R", "R", false, "")
}

func setFlags(f *pflag.FlagSet, o *options) {
	statFlag(f, o)
	versionFlag(f, o)
}

func setACLFlags(f *pflag.FlagSet, o *options) {
	setFlags(f, o)
	f.BoolVarP(&o.recursive, "R", "R", false, "")
}

func createFlags(f *pflag.FlagSet, o *options) {
	f.BoolVarP(&o.sequential, "s", "s", false, "")
	f.BoolVarP(&o.ephemeral, "e", "e", false, "")
	f.BoolVarP(&o.container, "c", "c", false, "")
	f.Int64VarP(&o.ttl, "t", "t", 0, "")
}

// execute parses the flags and runs the command.
func (cmd *command) execute(ctx context.Context, s *Shell, args []string) error {
	c := &call{Shell: s}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.Usage = func() {}
	if cmd.flags != nil {
		cmd.flags(f, &c.options)
	}
	if err := f.Parse(args); err != nil {
		return &UsageError{cmd.usage, err.Error()}
	}
	if c.args = f.Args(); len(c.args) < cmd.min || len(c.args) > cmd.max {
		return &UsageError{Usage: cmd.usage}
	}
	if strings.Contains(cmd.usage, "path") && len(c.args) > 0 {
		if c.path = c.args[0]; !strings.HasPrefix(c.path, "/") {
			return &UsageError{cmd.usage, "Path must start with / character: " + c.path}
		}
	}
	err := cmd.run(ctx, c)
	if bad, ok := err.(*UsageError); ok {
		bad.Usage = cmd.usage
	}
	return about(c.path, err)
}
