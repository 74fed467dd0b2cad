package bench

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A link is a connection of the portable driver: what waits to be written, and
// who writes it.
type link struct {
	nc   net.Conn
	more *sync.Cond // on the driver's lock: bytes to write, or the end
	next []byte     // to write, while the writer writes the ones before
	end  bool
}

// A portable driver steps a loop with two goroutines for each connection, one
// that reads and one that writes, under one lock. It runs everywhere.
type portable struct {
	sync.Mutex
	l     *loop
	clock func() int64
	wg    sync.WaitGroup
}

func drivePortable(l *loop, links []net.Conn, clock func() int64, halt *atomic.Bool) error {
	p := &portable{l: l, clock: clock}
	l.send = p.send
	p.Lock()
	for i, c := range l.conns {
		c.link = &link{nc: links[i], more: sync.NewCond(p)}
		p.wg.Add(2)
		go p.read(c)
		go p.write(c)
	}
	l.begin(clock())
	for !l.done() && !l.overdue(clock()) {
		p.Unlock()
		time.Sleep(p.pause())
		p.Lock()
		now := clock()
		if halt.Load() {
			l.stop(now)
		}
		l.tick(now)
	}
	p.finish()
	return nil
}

// pause is short with a rate limit and otherwise just watches for the end.
func (p *portable) pause() time.Duration {
	if p.l.interval > 0 {
		return time.Millisecond
	}
	return 5 * time.Millisecond
}

// finish ends the goroutines; it is called with the lock held and releases it.
func (p *portable) finish() {
	p.l.closing = true
	for _, c := range p.l.conns {
		c.link.end = true
		c.link.more.Signal()
		c.link.nc.Close()
	}
	p.Unlock()
	p.wg.Wait()
}

func (p *portable) send(c *conn, b []byte) {
	c.link.next = append(c.link.next, b...)
	c.link.more.Signal()
}

func (p *portable) read(c *conn) {
	defer p.wg.Done()
	buf := make([]byte, 32<<10)
	for {
		n, err := c.link.nc.Read(buf)
		p.Lock()
		switch {
		case c.link.end:
		case err != nil:
			p.l.lose(c, fmt.Errorf("receive: %w", err))
		default:
			p.l.arrived(c, buf[:n], p.clock())
		}
		ended := c.link.end || c.dead != nil
		p.Unlock()
		if ended {
			c.link.nc.Close()
			return
		}
	}
}

func (p *portable) write(c *conn) {
	defer p.wg.Done()
	var b []byte
	p.Lock()
	defer p.Unlock()
	for {
		for len(c.link.next) == 0 && !c.link.end {
			c.link.more.Wait()
		}
		if c.link.end {
			return
		}
		b, c.link.next = c.link.next, b[:0]
		p.Unlock()
		_, err := c.link.nc.Write(b)
		p.Lock()
		if err != nil && !c.link.end {
			p.l.lose(c, fmt.Errorf("send: %w", err))
		}
	}
}
