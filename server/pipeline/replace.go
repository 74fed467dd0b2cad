package pipeline

import (
	"errors"

	"github.com/zabra/zabra/datatree"
)

// ErrReplaced is why connections end when the tree is replaced.
var ErrReplaced = errors.New("pipeline: the data was restored from a snapshot")

// ErrStopped says that the core no longer runs.
var ErrStopped = errors.New("pipeline: server is stopping")

// A Fatal error of Replace's callback stops the core: what is on disk and what
// is in memory no longer agree.
type Fatal struct{ Err error }

func (f *Fatal) Error() string { return f.Err.Error() }
func (f *Fatal) Unwrap() error { return f.Err }

// Replace waits until nothing is under way, calls f, and goes on with the tree
// that f returns. Requests that come meanwhile wait; then all connections are
// dropped, since what they have seen is gone, and sessions live on as the new
// tree has them. With an error everything stays as it was, unless it is a
// *Fatal one. f runs on the core's goroutine and is given the present tree; it
// may call LogAlone.
func (c *Core) Replace(f func(old *datatree.Tree) (*datatree.Tree, error)) error {
	result := make(chan error, 1)
	c.inbox.put(message{call: func() {
		c.paused = append(c.paused, func() error {
			tree, err := f(c.tree)
			if err == nil {
				c.install(tree)
			}
			result <- err
			return err
		})
	}})
	select {
	case err := <-result:
		return err
	case <-c.stopped:
		return ErrStopped
	}
}

// resumeIfIdle runs what waits for the pipeline to be empty, and then takes up
// what has come meanwhile.
func (c *Core) resumeIfIdle() error {
	if len(c.paused) == 0 || c.inflight.len() > 0 {
		return nil
	}
	for _, f := range c.paused {
		var fatal *Fatal
		if err := f(); errors.As(err, &fatal) {
			return fatal.Err
		}
	}
	c.paused = nil
	c.proposeHeld()
	c.drive()
	return nil
}

// install makes tree the one that is served.
func (c *Core) install(tree *datatree.Tree) {
	for _, cl := range c.clients.list() {
		cl.Kill(ErrReplaced)
	}
	c.lock.Lock()
	c.tree = tree
	c.lock.Unlock()
	c.assume(c.role)
	clear(c.owners)
	for _, req := range c.held {
		c.concluded(req)
	}
	c.held = nil
}

// LogAlone runs f on the log's goroutine, between two batches, and waits for it.
// It fails with ErrStopped if the log has failed meanwhile.
func (c *Core) LogAlone(f func() error) error { return c.LogAloneUntil(nil, f) }

// LogAloneUntil is LogAlone for one who is told, by done, that the server stops: he does
// not wait any longer then, for a disk that is full perhaps, and gets ErrStopped. f may
// run all the same.
func (c *Core) LogAloneUntil(done <-chan struct{}, f func() error) error {
	result := make(chan error, 1)
	c.writer.inbox.put(logItem{call: func() error { result <- f(); return nil }})
	select {
	case err := <-result:
		return err
	case <-c.writer.over:
	case <-done:
	}
	select {
	case err := <-result:
		return err
	default:
		return ErrStopped
	}
}
