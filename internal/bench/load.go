package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
)

// nodesPerFolder is how many nodes Load puts into one folder.
const nodesPerFolder = 1000

// Load makes nodes znodes of o.Size bytes below a new root, in folders of 1000,
// and leaves them there. It returns the root, also with an error.
func Load(ctx context.Context, nodes int, o Options) (root string, res *Result, err error) {
	if err := o.Validate(); err != nil {
		return "", nil, err
	}
	m, err := newMeter(o.PIDs)
	if err != nil {
		return "", nil, err
	}
	c, err := connectAny(ctx, &o)
	if err != nil {
		return "", nil, err
	}
	defer c.Close()
	var ph phase
	ph.enter("load")
	stop := ph.report(o.Progress)
	defer stop()

	root = newRoot()
	m.read(meterStart)
	start := time.Now()
	err = loadNodes(ctx, c, root, nodes, o.Size, &ph)
	took := time.Since(start)
	m.read(meterEnd)
	if err != nil {
		return root, nil, fmt.Errorf("load below %s: %w", root, err)
	}
	return root, loadResult(&o, nodes, took, m), nil
}

func loadNodes(ctx context.Context, c *rawclient.Conn, root string, nodes, size int, ph *phase) error {
	if err := create(c, root); err != nil {
		return err
	}
	u := newBulk(ctx, c)
	u.done = ph.add
	y := newLayout(root, &Options{Size: size}, 0, (nodes+nodesPerFolder-1)/nodesPerFolder)
	var err error
	for i := 0; i < nodes && err == nil; i++ {
		folder := y.folder[i/nodesPerFolder]
		if i%nodesPerFolder == 0 {
			err = u.create(folder, nil)
		}
		if err == nil {
			err = u.createIn(folder, uint64(i%nodesPerFolder), y.value)
		}
	}
	return errors.Join(err, u.flush())
}

func loadResult(o *Options, nodes int, took time.Duration, m *meter) *Result {
	res := o.result("load")
	res.Connections, res.Outstanding = 1, multiAhead
	res.Ops, res.Seconds = uint64(nodes), took.Seconds()
	res.OpsPerSec = float64(nodes) / took.Seconds()
	m.report(res)
	if s := res.ServerUsage; s != nil && nodes > 0 {
		res.NodeBytes = float64(s.Resident-s.Before) / float64(nodes)
	}
	return res
}

// Clean removes what a run or Load made below root, which is one of theirs.
func Clean(ctx context.Context, root string, o Options) error {
	if !strings.HasPrefix(root, rootPrefix) || strings.Count(root, "/") != 1 {
		return fmt.Errorf("%s is not a root that bench makes (%s…)", root, rootPrefix)
	}
	c, err := connectAny(ctx, &o)
	if err != nil {
		return err
	}
	defer c.Close()
	var ph phase
	ph.enter("clean up")
	stop := ph.report(o.Progress)
	defer stop()
	return removeTree(ctx, c, root, ph.add)
}

// Roots lists what runs that did not end well, and Load, have left on a server.
func Roots(ctx context.Context, o Options) ([]string, error) {
	c, err := connectAny(ctx, &o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	all, err := children(c, "/")
	if err != nil {
		return nil, err
	}
	var roots []string
	for _, path := range all {
		if strings.HasPrefix(path, rootPrefix) {
			roots = append(roots, path)
		}
	}
	return roots, nil
}

// Wait tries every millisecond to open a session at addr and returns how long
// it took, counted from its call. It gives up when ctx ends.
func Wait(ctx context.Context, addr string) (time.Duration, error) {
	begun := time.Now()
	for {
		c, err := tryOnce(ctx, addr)
		if err == nil {
			took := time.Since(begun)
			return took, c.Close()
		}
		if !passing(err) {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("no session at %s within %v: %w", addr, time.Since(begun).Round(time.Millisecond), err)
		case <-time.After(time.Millisecond):
		}
	}
}

// tryOnce gives a server that accepts but does not answer little time: one that
// starts may have accepted before it could serve.
func tryOnce(ctx context.Context, addr string) (*rawclient.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return rawclient.Dial(ctx, addr, rawclient.Options{})
}

// passing reports that a server that is starting may fail so.
func passing(err error) bool {
	for _, e := range []error{
		io.EOF, io.ErrUnexpectedEOF, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE,
		context.DeadlineExceeded, os.ErrDeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
