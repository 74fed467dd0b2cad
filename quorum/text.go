package quorum

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/properties"
	"github.com/zabra/zabra/wire"
)

// MaxText bounds a configuration text, in bytes. A notification, which is how
// strangers send one, holds half a megabyte.
const MaxText = 1 << 20

// A TextError is a text that is no configuration for a reason that is not that of
// one server, group or weight line.
type TextError struct {
	Line   int // from 1; 0 where no line is meant
	Reason string
}

// Error implements error.
func (e *TextError) Error() string {
	if e.Line == 0 {
		return "quorum: configuration: " + e.Reason
	}
	return fmt.Sprintf("quorum: configuration: line %d: %s", e.Line, e.Reason)
}

// Parse reads a configuration: server, group and weight lines and a version (0
// without), in the syntax of Java properties and in any order. Of a key that is
// there twice the last one counts. At least one server must vote.
//
// The error is a *TextError, a *LineError or a Problems.
func Parse(text []byte) (Config, error) {
	if len(text) > MaxText {
		return Config{}, &TextError{Reason: fmt.Sprintf("%d bytes are more than %d", len(text), MaxText)}
	}
	props, err := properties.Parse(text)
	if err != nil {
		// Parse has no other errors; its own would repeat the words of ours.
		syntax := err.(*properties.SyntaxError)
		return Config{}, &TextError{Line: syntax.Line, Reason: syntax.Problem}
	}
	var draft Config
	for _, p := range properties.LastOfEach(props) {
		if err := draft.addLine(p); err != nil {
			return Config{}, err
		}
	}
	c, err := New(draft.Version, draft.Servers, draft.Groups, draft.Weights)
	if err != nil {
		return Config{}, err
	}
	if len(c.Voters()) == 0 {
		return Config{}, &TextError{Reason: "no server votes"}
	}
	return c, nil
}

// addLine takes one line into a configuration that New is yet to put in order.
func (c *Config) addLine(p properties.Property) error {
	family, id, _ := strings.Cut(p.Key, ".")
	switch {
	case p.Key == "version":
		v, err := strconv.ParseInt(p.Value, 16, 64)
		if err != nil || v < 0 {
			return &TextError{Line: p.Line, Reason: fmt.Sprintf("version %q is not a hexadecimal number", shortened(p.Value))}
		}
		c.Version = v
		return nil
	case family == "server":
		s, err := ParseServer(id, p.Value)
		c.Servers = append(c.Servers, s)
		return err
	case family == "group":
		g, err := ParseGroup(id, p.Value)
		c.Groups = append(c.Groups, g)
		return err
	case family == "weight":
		w, err := ParseWeight(id, p.Value)
		c.Weights = append(c.Weights, w)
		return err
	}
	return &TextError{Line: p.Line, Reason: fmt.Sprintf("%q is none of server.N, group.N, weight.N and version", shortened(p.Key))}
}

// Text writes the configuration as ZooKeeper does, the lines of each kind by id
// (ZooKeeper's own order is that of a hash table), the version last and without
// a line end. With groups every voter gets a weight line.
func (c Config) Text() []byte {
	var b []byte
	for _, s := range c.Servers {
		b = fmt.Appendf(b, "server.%d=%s\n", s.ID, s)
	}
	for _, g := range c.Groups {
		b = fmt.Appendf(b, "group.%d=", g.ID)
		for i, id := range g.Members {
			if i > 0 {
				b = append(b, ':')
			}
			b = strconv.AppendInt(b, int64(id), 10)
		}
		b = append(b, '\n')
	}
	if len(c.Groups) > 0 {
		for _, id := range c.weighed() {
			b = fmt.Appendf(b, "weight.%d=%d\n", id, c.Weight(id))
		}
	}
	return fmt.Appendf(b, "version=%x", c.Version)
}

// weighed are the voters and whoever else has a weight line, ascending.
func (c Config) weighed() []wire.SID {
	ids := c.Voters()
	for _, w := range c.Weights {
		ids = append(ids, w.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// String is Text.
func (c Config) String() string { return string(c.Text()) }
