package cli

import (
	"context"
	"fmt"
	"io"
	"os"
)

// importTree makes the nodes of an export. A file, or directories, are read once before,
// so that what is broken or not whole changes nothing.
func importTree(ctx context.Context, c *call) error {
	from, to := c.args[0], c.args[1]
	if err := c.checkPath(to); err != nil {
		return err
	}
	s := c.sink(c.svc, "imported")
	put := func(n *record) error {
		if c.has("no-acl") {
			n.acl = nil
		}
		at := below(n.path, "/", to)
		if at == "/" { // it is always there
			return ctx.Err()
		}
		return s.put(ctx, at, n)
	}
	err := c.readFrom(ctx, from, put)
	if err == nil {
		err = s.flush(ctx)
	}
	if err != nil {
		return partly("imported", s.done, err)
	}
	return c.show(doneView{Nodes: s.done, what: "imported"})
}

func (c *call) readFrom(ctx context.Context, from string, put func(*record) error) error {
	if from == "-" {
		if c.cfg.In == nil {
			return c.usage("- can be read from by a single command only")
		}
		return readExport(c.cfg.In, put)
	}
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	look := func(*record) error { return ctx.Err() }
	if info.IsDir() {
		if err := readDirs(from, look); err != nil {
			return err
		}
		return readDirs(from, put)
	}
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	defer f.Close()
	if err := readExport(f, look); err != nil {
		return fmt.Errorf("import %s: %w", from, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return readExport(f, put)
}
