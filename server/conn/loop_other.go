//go:build !linux

package conn

// Elsewhere than on Linux each connection keeps its goroutine.

type (
	seat  struct{}
	loops struct{ started bool }
)

func (p *Port) startLoops() { p.loops.started = true }

func (p *Port) takeIn(*conn) bool { return false }

func (p *Port) stopLoops() {}

func (c *conn) kick() {}

func (c *conn) shut() { c.raw.Close() }
