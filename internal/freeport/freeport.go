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
	tries = 100
)

// Ports hands out free ports, each only once. The zero value is ready; its method may
// be called from any goroutine.
type Ports struct {
	mu   sync.Mutex
	used map[int]bool
}

// Free returns a port on which nobody listens.
func (p *Ports) Free() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used == nil {
		p.used = map[int]bool{}
	}
	err := errors.New("all are in use")
	for range tries {
		port := first + rand.IntN(last-first)
		if p.used[port] {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			p.used[port] = true
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("freeport: none between %d and %d: %w", first, last, err)
}
