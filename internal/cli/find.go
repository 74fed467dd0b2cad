package cli

import (
	"context"
	"errors"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/zabra/zabra/client"
)

// A filter is what find looks for: all of it must fit.
type filter struct {
	name  string         // a glob, empty for any
	data  *regexp.Regexp // nil for any
	owner client.SessionID
	owned bool // ephemeral, of any session
	size  int64
	sign  byte // of the size: + for more, - for less, = for as much, 0 for any
}

func (f *filter) fits(v *visit) bool {
	if ok, _ := path.Match(f.name, v.name); f.name != "" && !ok {
		return false
	}
	owner := client.SessionID(v.stat.EphemeralOwner)
	if f.owned && owner == 0 || f.owner != 0 && owner != f.owner {
		return false
	}
	return f.sizeFits(int64(v.stat.DataLength)) && (f.data == nil || f.data.Match(v.data))
}

func (f *filter) sizeFits(n int64) bool {
	switch f.sign {
	case '+':
		return n > f.size
	case '-':
		return n < f.size
	case '=':
		return n == f.size
	}
	return true
}

// filter reads the options of find.
func (c *call) filter() (*filter, error) {
	f := &filter{name: c.flags["name"]}
	if _, err := path.Match(f.name, ""); err != nil {
		return nil, c.usage("-name " + f.name + ": a [ is not closed")
	}
	if c.has("data") {
		var err error
		if f.data, err = regexp.Compile(c.flags["data"]); err != nil {
			return nil, c.usage("-data: " + err.Error())
		}
	}
	if owner, ok := c.flags["owner"]; ok && owner == "any" {
		f.owned = true
	} else if ok {
		id, err := strconv.ParseUint(strings.TrimPrefix(owner, "0x"), 16, 64)
		if err != nil || id == 0 {
			return nil, c.usage("-owner " + owner + ": want a session's id, such as 0x1000a2b3c4d0000, or any")
		}
		f.owner = client.SessionID(id)
	}
	return f, c.sizeFilter(f)
}

func (c *call) sizeFilter(f *filter) error {
	size, ok := c.flags["size"]
	if !ok {
		return nil
	}
	f.sign = '='
	if size != "" && (size[0] == '+' || size[0] == '-') {
		f.sign = size[0]
		size = size[1:]
	}
	var err error
	if f.size, err = strconv.ParseInt(size, 10, 64); err != nil || f.size < 0 {
		return c.usage("-size " + c.flags["size"] + ": want bytes, +bytes or -bytes")
	}
	return nil
}

// A foundView is a node that find has found.
type foundView struct {
	Path string    `json:"path"`
	Stat *statJSON `json:"stat"`
}

func (v foundView) text(p *printer) { p.printf("%s\n", v.Path) }

// findNodes prints what fits as it is read, and goes on behind what it may not read.
func findNodes(ctx context.Context, c *call) error {
	f, err := c.filter()
	if err != nil {
		return err
	}
	depth, err := c.depth(-1)
	if err != nil {
		return err
	}
	var failed error
	seen := 0
	for v := range c.walk(ctx, c.path(), walkOptions{data: f.data != nil, levels: depth + 1}) {
		if v.err != nil {
			if v.depth == 0 {
				return v.err
			}
			c.out.notice("%s", firstLine(explain(v.path, v.err)))
			failed = v.err
			continue
		}
		seen++
		c.progress("looked at", seen)
		if !f.fits(v) {
			continue
		}
		if err := c.show(foundView{v.path, statForJSON(&v.stat)}); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed != nil {
		return &explained{text: "find: not everything could be read", err: errors.Join(failed)}
	}
	return nil
}
