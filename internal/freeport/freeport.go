package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

const (
	first = 20000
	last  = 27000 // the examples in docs have fixed ports above
	block = 100   // ports
	tries = 1000
)

// Ports hands out free ports, each only once. The zero value is ready; its method may
// be called from any goroutine.
type Ports struct {
	mu     sync.Mutex
	guards []net.Listener // one holds each block that is taken, for as long as p is in use
	next   int            // port of the last block; none is left at a multiple of block
}

// Free returns a port on which nobody listens.
func (p *Ports) Free() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := errors.New("all are in use")
	for range tries {
		if p.next%block == 0 {
			if err = p.take(first + block*rand.IntN((last-first)/block)); err != nil {
				continue
			}
		}
		port := p.next
		p.next++
		var l net.Listener
		if l, err = listen(port); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("freeport: none between %d and %d: %w", first, last, err)
}

// take takes a block of ports, unless another process has it.
func (p *Ports) take(guard int) error {
	l, err := listen(guard)
	if err == nil {
		p.guards, p.next = append(p.guards, l), guard+1
	}
	return err
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
