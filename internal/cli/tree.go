package cli

import (
	"context"
	"fmt"
	"math"
	"strings"
)

func lookCommands() []*command {
	return []*command{
		{name: "tree", args: "[-s] [-d depth] [path]", help: "draw a node and all below it",
			options: []option{{"s", "", "with sizes, versions and owners"}, optDepth}, paths: 1, max: 1, run: tree},
		{name: "find", args: "[-name glob] [-data regexp] [-owner session|any] [-size [+|-]bytes] [-d depth] [path]", help: "print the paths of nodes that are as described",
			options: []option{{"name", "glob", "the name is as described: * ? [a-z]"}, {"data", "regexp", "the data holds it"},
				{"owner", "session", "ephemeral nodes of a session, or of any"}, {"size", "bytes", "so much data, +n for more, -n for less"}, optDepth},
			paths: 1, max: 1, run: findNodes},
		{name: "du", args: "[-d depth] [path]", help: "print bytes and nodes at and below paths",
			options: []option{{"d", "depth", "print so many levels, 1 if not given"}}, paths: 1, max: 1, run: diskUsage},
	}
}

// depth is the value of -d.
func (c *call) depth(otherwise int64) (int, error) {
	n, err := c.number("d", otherwise, 0, math.MaxInt32-1)
	return int(n), err
}

// A treeView is one node of a drawing.
type treeView struct {
	Path  string    `json:"path"`
	Depth int       `json:"depth"`
	Stat  *statJSON `json:"stat,omitempty"`
	Error string    `json:"error,omitempty"`

	line string // the strokes before the name
	name string
	long bool // details are printed
}

func (v treeView) text(p *printer) {
	name := v.name
	switch {
	case v.Stat == nil:
	case v.Stat.stat.EphemeralOwner != 0:
		name = p.paint(yellow, name)
	case v.Stat.NumChildren > 0:
		name = p.paint(blue, name)
	}
	p.printf("%s%s%s\n", p.paint(faint, v.line), name, v.detail(p))
}

// detail is what stands behind the name.
func (v treeView) detail(p *printer) string {
	switch {
	case v.Error != "":
		return "  " + p.paint(red, v.Error)
	case !v.long:
		return ""
	}
	d := fmt.Sprintf("  %d B, version %d", v.Stat.DataLength, v.Stat.Version)
	if v.Stat.stat.EphemeralOwner != 0 {
		d += ", of session " + v.Stat.EphemeralOwner
	}
	return p.paint(faint, d)
}

// tree draws a subtree as it is read.
func tree(ctx context.Context, c *call) error {
	depth, err := c.depth(-1)
	if err != nil {
		return err
	}
	var open []bool // for each level, whether more siblings come
	var failed error
	for v := range c.walk(ctx, c.path(), walkOptions{levels: depth + 1}) {
		if v.err != nil {
			if v.depth == 0 {
				return v.err
			}
			failed = v.err
		}
		open = append(open[:max(v.depth-1, 0)], !v.last)
		view := treeView{Path: v.path, Depth: v.depth, name: v.name, line: strokes(open, v.depth), long: c.has("s")}
		if v.err != nil {
			view.Error = firstLine(explain(v.path, v.err))
		} else {
			view.Stat = statForJSON(&v.stat)
		}
		if err := c.show(view); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failed
}

// strokes lead from a node's parent to its name.
func strokes(open []bool, depth int) string {
	if depth == 0 {
		return ""
	}
	var b strings.Builder
	for _, more := range open[:depth-1] {
		b.WriteString(map[bool]string{true: "│   ", false: "    "}[more])
	}
	b.WriteString(map[bool]string{true: "├── ", false: "└── "}[open[depth-1]])
	return b.String()
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// A usageView is how much there is at and below a path.
type usageView struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Nodes int64  `json:"nodes"`
}

func (v usageView) text(p *printer) { p.printf("%12d %10d  %s\n", v.Bytes, v.Nodes, v.Path) }

// diskUsage adds up what walk comes to; a path is printed when all below it is done.
func diskUsage(ctx context.Context, c *call) error {
	depth, err := c.depth(1)
	if err != nil {
		return err
	}
	if !c.json {
		c.out.printf("%12s %10s  %s\n", "bytes", "nodes", "path")
	}
	var sums []usageView // one for each level that is open
	var failed error
	for v := range c.walk(ctx, c.path(), walkOptions{leave: true}) {
		if !v.leaving {
			sums = append(sums, usageView{Path: v.path, Bytes: int64(v.stat.DataLength), Nodes: 1})
			if v.err != nil {
				failed = v.err
			}
			continue
		}
		sum := sums[len(sums)-1]
		sums = sums[:len(sums)-1]
		if n := len(sums); n > 0 {
			sums[n-1].Bytes += sum.Bytes
			sums[n-1].Nodes += sum.Nodes
		}
		if v.depth <= depth && (v.err == nil || v.depth > 0) {
			if err := c.show(sum); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failed
}
