package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

func diffCommands() []*command {
	return []*command{
		{name: "diff", args: "[-acl] path path|host:port/path", help: "print how two subtrees differ; exit code 1 if they do",
			options: []option{{"acl", "", "look at ACLs, too"}}, paths: 1, min: 2, max: 2, run: diff},
	}
}

// ErrDiffer is that diff has found something. It has been printed.
var ErrDiffer = errors.New("they differ")

// A diffView is one difference.
type diffView struct {
	Path   string   `json:"path"`   // below both
	Change string   `json:"change"` // added, removed or changed
	What   []string `json:"what,omitempty"`

	old, new *visit
}

func (v diffView) text(p *printer) {
	switch v.Change {
	case "removed":
		p.printf("%s\n", p.paint(red, "- "+v.Path))
	case "added":
		p.printf("%s\n", p.paint(green, "+ "+v.Path))
	default:
		p.printf("%s\n", p.paint(yellow, "~ "+v.Path+": "+strings.Join(v.What, ", ")))
		if v.What[0] == "data" {
			p.printf("  %s\n  %s\n", p.paint(red, "- "+excerpt(v.old.data)), p.paint(green, "+ "+excerpt(v.new.data)))
		}
	}
}

// excerptLen is how much of a node's data diff prints.
const excerptLen = 100

func excerpt(data []byte) string {
	switch {
	case data == nil:
		return "null"
	case len(data) > excerptLen:
		return fmt.Sprintf("%q ... %d bytes", data[:excerptLen], len(data))
	}
	return fmt.Sprintf("%q", data)
}

// diff goes through both subtrees at once: walk comes to nodes in one order.
func diff(ctx context.Context, c *call) error {
	svc, to, closing, err := c.other(ctx, c.args[1])
	if err != nil {
		return err
	}
	defer closing()
	from := c.path()
	o := walkOptions{data: true, acl: c.has("acl")}
	nextA, stopA := iter.Pull(c.walk(ctx, from, o))
	defer stopA()
	nextB, stopB := iter.Pull(walk(ctx, svc, to, o))
	defer stopB()
	differ := false
	a, okA := nextA()
	b, okB := nextB()
	for okA || okB {
		if okA && a.err != nil {
			return a.err
		}
		if okB && b.err != nil {
			return b.err
		}
		order := 0
		switch {
		case !okB:
			order = -1
		case !okA:
			order = 1
		default:
			order = treeOrder(below(a.path, from, "/"), below(b.path, to, "/"))
		}
		if v := difference(order, a, b, from, to); v != nil {
			differ = true
			if err := c.show(*v); err != nil {
				return err
			}
		}
		if order <= 0 {
			a, okA = nextA()
		}
		if order >= 0 {
			b, okB = nextB()
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if differ {
		return ErrDiffer
	}
	return nil
}

// difference is what there is to say about the nodes that two walks are at, nil for
// nothing. order says which comes first.
func difference(order int, a, b *visit, from, to string) *diffView {
	switch {
	case order < 0:
		return &diffView{Path: below(a.path, from, "/"), Change: "removed"}
	case order > 0:
		return &diffView{Path: below(b.path, to, "/"), Change: "added"}
	}
	var what []string
	if !bytes.Equal(a.data, b.data) || (a.data == nil) != (b.data == nil) {
		what = append(what, "data")
	}
	if (a.stat.EphemeralOwner != 0) != (b.stat.EphemeralOwner != 0) {
		what = append(what, "ephemeral or not")
	}
	if aclText(a.acl) != aclText(b.acl) {
		what = append(what, "acl")
	}
	if what == nil {
		return nil
	}
	return &diffView{Path: below(a.path, from, "/"), Change: "changed", What: what, old: a, new: b}
}

// treeOrder compares two paths as walk comes to them: name by name.
func treeOrder(a, b string) int {
	if a == "/" || b == "/" {
		return len(a) - len(b)
	}
	return strings.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
}
