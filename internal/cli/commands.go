package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A command is one word of the shell.
type command struct {
	name    string
	args    string // behind the name, as zkCli prints it where it has the command
	help    string
	options []option
	paths   int  // how many of the first words are paths
	min     int  // words besides options
	max     int  // of them; -1 for any number
	alone   bool // it needs no connection
	run     func(context.Context, *call) error
}

func (cmd *command) usage() string { return strings.TrimSpace(cmd.name + " " + cmd.args) }

var (
	optStat    = option{"s", "", "print the stat, too"}
	optWatch   = option{"w", "", "leave a watch for the next change"}
	optVersion = option{"v", "version", "only if the version is this one"}
	optDepth   = option{"d", "depth", "this many levels below the path"}
)

// commands is the table of all commands, by family.
func commands() []*command {
	return slices.Concat(readCommands(), writeCommands(), quotaCommands(), ensembleCommands(), sessionCommands(), watchCommands(),
		lookCommands(), followCommands(), copyCommands(), diffCommands(), editCommands())
}

// find looks a command up. zkCli's names differ in case, and so do habits.
func find(name string) *command {
	for _, cmd := range commands() {
		if strings.EqualFold(cmd.name, name) {
			return cmd
		}
	}
	return nil
}

// Names are the commands' names.
func Names() []string {
	var names []string
	for _, cmd := range commands() {
		names = append(names, cmd.name)
	}
	slices.Sort(names)
	return names
}

// Help lists the commands.
func Help() string {
	var b strings.Builder
	for _, name := range Names() {
		fmt.Fprintf(&b, "\t%s\n", find(name).usage())
	}
	return b.String()
}

// explanation is all that can be said of one command.
func (cmd *command) explanation() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n", cmd.usage(), cmd.help)
	for _, o := range cmd.options {
		fmt.Fprintf(&b, "    %-14s %s\n", strings.TrimSpace("-"+o.name+" "+o.arg), o.help)
	}
	return b.String()
}

// NeedsConnection reports whether a command is of no use without servers.
func NeedsConnection(name string) bool {
	cmd := find(name)
	return cmd != nil && !cmd.alone
}
