package floor

import (
	"net"
	"sync"
	"sync/atomic"
)

// A Server serves one listener.
type Server struct {
	ln       net.Listener
	tree     *tree
	sessions atomic.Int64
	mu       struct {
		sync.Mutex
		conns  map[*conn]struct{}
		closed bool
	}
	wg sync.WaitGroup
}

// Listen starts a server with an empty tree at addr, host:port.
func Listen(addr string) (*Server, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{ln: ln, tree: newTree()}
	s.mu.conns = map[*conn]struct{}{}
	s.wg.Go(s.accept)
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Nodes is how many nodes there are, the root included.
func (s *Server) Nodes() int {
	s.tree.RLock()
	defer s.tree.RUnlock()
	return len(s.tree.nodes)
}

// Connections is how many clients are connected.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.conns)
}

// Close ends the server and every connection, and waits for its goroutines.
func (s *Server) Close() error {
	err := s.ln.Close()
	s.mu.Lock()
	s.mu.closed = true
	for c := range s.mu.conns {
		c.nc.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func (s *Server) accept() {
	for {
		nc, err := s.ln.Accept()
		if err != nil {
			return
		}
		c := &conn{s: s, nc: nc}
		if !s.add(c) {
			nc.Close()
			return
		}
		s.wg.Go(func() {
			defer s.remove(c)
			c.serve()
		})
	}
}

func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mu.closed {
		s.mu.conns[c] = struct{}{}
	}
	return !s.mu.closed
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.conns, c)
}
