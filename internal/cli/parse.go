package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// An option of a command, as it is written behind a dash.
type option struct {
	name string // without the dash
	arg  string // what its value is called, empty if it has none
	help string
}

// A call is a command with the words it was given.
type call struct {
	*Shell
	cmd   *command
	flags map[string]string
	args  []string
	json  bool
}

// jsonOption is one that every command has.
const jsonOption = "json"

var negative = regexp.MustCompile(`^-[0-9.]+$`)

// parse makes a call of a command's words. Options stand anywhere, one-letter ones
// can be written together, "--" ends them, and a negative number is none.
func (cmd *command) parse(s *Shell, words []string) (*call, error) {
	c := &call{Shell: s, cmd: cmd, flags: map[string]string{}, json: s.cfg.JSON}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			c.args = append(c.args, words[i+1:]...)
			break
		}
		if len(w) < 2 || w[0] != '-' || negative.MatchString(w) {
			c.args = append(c.args, w)
			continue
		}
		taken, err := c.option(strings.TrimLeft(w, "-"), words[i+1:])
		if err != nil {
			return nil, err
		}
		i += taken
	}
	return c, c.check()
}

// option takes one word that begins with a dash, and reports how many of those behind
// it are its value.
func (c *call) option(name string, rest []string) (taken int, err error) {
	name, value, given := strings.Cut(name, "=")
	if name == jsonOption {
		c.json = true
		return 0, nil
	}
	if o := c.cmd.option(name); o != nil {
		return c.take(o, value, given, rest)
	}
	for i := range len(name) {
		o := c.cmd.option(name[i : i+1])
		switch {
		case o == nil:
			return 0, c.usage("there is no option -" + name)
		case o.arg == "":
			c.flags[o.name] = ""
		case i+1 < len(name):
			c.flags[o.name] = name[i+1:]
			return 0, nil
		default:
			return c.take(o, value, given, rest)
		}
	}
	return 0, nil
}

func (c *call) take(o *option, value string, given bool, rest []string) (taken int, err error) {
	if o.arg != "" && !given {
		if len(rest) == 0 {
			return 0, c.usage("-" + o.name + " wants a " + o.arg)
		}
		value, taken = rest[0], 1
	}
	c.flags[o.name] = value
	return taken, nil
}

func (cmd *command) option(name string) *option {
	for i := range cmd.options {
		if cmd.options[i].name == name {
			return &cmd.options[i]
		}
	}
	return nil
}

// check judges what can be judged without a server.
func (c *call) check() error {
	if len(c.args) < c.cmd.min || c.cmd.max >= 0 && len(c.args) > c.cmd.max {
		return c.usage("")
	}
	for i := range min(c.cmd.paths, len(c.args)) {
		if err := c.checkPath(c.args[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return c.usage("Path must start with / character\nhint: " + path + " does not")
	}
	return nil
}

func (c *call) usage(reason string) error { return &UsageError{c.cmd.usage(), reason} }

func (c *call) has(name string) bool {
	_, ok := c.flags[name]
	return ok
}

// path is the first word, or / if there is none.
func (c *call) path() string {
	if len(c.args) == 0 {
		return "/"
	}
	return c.args[0]
}

// number is an option's value from least to most, or otherwise if it is not given.
func (c *call) number(name string, otherwise, least, most int64) (int64, error) {
	value, ok := c.flags[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most {
		return 0, c.usage(fmt.Sprintf("-%s %s: want a number from %d to %d", name, value, least, most))
	}
	return n, nil
}

// version is the one that -v names, any if it does not.
func (c *call) version() (int32, error) {
	n, err := c.number("v", -1, -1<<31, 1<<31-1)
	return int32(n), err
}

// ttl is the time that -t names.
func (c *call) ttl() (time.Duration, error) {
	n, err := c.number("t", 0, 1, maxTTL)
	return time.Duration(n) * time.Millisecond, err
}

// maxTTL is the longest time to live, in milliseconds, that the protocol can say.
const maxTTL = 1<<40 - 1
