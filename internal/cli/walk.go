package cli

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/zabra/zabra/client"
)

// A visit is a node that walk comes to, or leaves when all below it is done.
type visit struct {
	path  string
	name  string // behind the last /
	depth int    // below where the walk began
	last  bool   // among its siblings
	stat  client.Stat
	names []string // its children, sorted
	data  []byte   // if it is asked for
	acl   []client.ACL
	err   error // why it could not be read; then there are no children

	leaving bool
	ready   chan struct{} // closed when it is read
}

// walkOptions say what is read of each node: always its stat and its children.
type walkOptions struct {
	data   bool
	acl    bool
	leave  bool // come to each node a second time, behind those below it
	levels int  // how many to come to, the first included; 0 for all
}

// walkAhead is how many nodes are read at once.
const walkAhead = 64

// walk goes through the node at path and all below it, parents before their children
// and children by name, reading many ahead. It is no picture of one moment: nodes that
// vanish meanwhile are left out. Memory holds the names of the siblings on the way
// down, and walkAhead nodes.
func (c *call) walk(ctx context.Context, path string, o walkOptions) iter.Seq[*visit] {
	return walk(ctx, c.svc, path, o)
}

func walk(ctx context.Context, svc Service, path string, o walkOptions) iter.Seq[*visit] {
	return func(yield func(*visit) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w := &walker{ctx: ctx, svc: svc, walkOptions: o}
		todo := []*visit{{path: path, name: path, last: true}}
		for len(todo) > 0 && ctx.Err() == nil {
			w.readAhead(todo)
			v := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if v.leaving {
				if !yield(v) {
					return
				}
				continue
			}
			<-v.ready
			if errors.Is(v.err, client.ErrNoNode) && v.depth > 0 {
				continue
			}
			if ctx.Err() != nil || !yield(v) {
				return
			}
			todo = w.descend(todo, v)
		}
	}
}

type walker struct {
	ctx context.Context
	svc Service
	walkOptions
}

// readAhead begins to read the nodes that come next.
func (w *walker) readAhead(todo []*visit) {
	for n, i := 0, len(todo)-1; i >= 0 && n < walkAhead; i-- {
		v := todo[i]
		if v.leaving {
			continue
		}
		n++
		if v.ready == nil {
			v.ready = make(chan struct{})
			go w.read(v)
		}
	}
}

func (w *walker) read(v *visit) {
	defer close(v.ready)
	if v.names, v.stat, v.err = w.svc.Children(w.ctx, v.path); v.err != nil {
		return
	}
	slices.Sort(v.names)
	if w.data {
		v.data, v.stat, v.err = w.svc.Get(w.ctx, v.path)
	}
	if w.acl && v.err == nil {
		v.acl, _, v.err = w.svc.GetACL(w.ctx, v.path)
	}
}

// descend adds what comes behind a node: its children, then its end.
func (w *walker) descend(todo []*visit, v *visit) []*visit {
	if w.leave {
		end := *v
		end.leaving, end.data = true, nil
		todo = append(todo, &end)
	}
	if v.err != nil || w.levels > 0 && v.depth+1 >= w.levels {
		return todo
	}
	for i, name := range slices.Backward(v.names) {
		todo = append(todo, &visit{path: join(v.path, name), name: name, depth: v.depth + 1, last: i == len(v.names)-1})
	}
	return todo
}

// join is the path of a child.
func join(parent, name string) string {
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}

// below is path with to in place of from, which it is at or below.
func below(path, from, to string) string {
	rest := path[len(from):]
	if from == "/" {
		rest = path
	}
	switch {
	case rest == "" || rest == "/":
		return to
	case to == "/":
		return rest
	}
	return to + rest
}
