package server

import "sync"

// A mailbox carries functions to the one goroutine that runs them, in order. Putting
// one in never waits: it is done by goroutines that must not.
type mailbox struct {
	wake chan struct{}

	mu    sync.Mutex
	calls []func()
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

func (m *mailbox) put(f func()) {
	m.mu.Lock()
	m.calls = append(m.calls, f)
	m.mu.Unlock()
	signal(m.wake)
}

// run runs what has come in.
func (m *mailbox) run() {
	m.mu.Lock()
	calls := m.calls
	m.calls = nil
	m.mu.Unlock()
	for _, f := range calls {
		f()
	}
}
