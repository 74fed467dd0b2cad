package pipeline

import (
	"runtime"
	"sync"
)

// An inbox carries work to the one goroutine, at a time, that takes it. Senders never
// block; the taker gets all that has come in since it last looked, as a batch,
// so batches grow with the load by themselves.
type inbox[T any] struct {
	bell // rung when something is there

	mu struct {
		sync.Mutex
		items []T
	}
}

func newInbox[T any](b bell) *inbox[T] { return &inbox[T]{bell: b} }

// put adds items, in order.
func (b *inbox[T]) put(items ...T) {
	b.lay(items...)
	b.ring()
}

// lay adds items that whoever calls it will see to.
func (b *inbox[T]) lay(items ...T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.items = append(b.mu.items, items...)
}

// layAll adds n items that item makes.
func (b *inbox[T]) layAll(n int, item func(i int) T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range n {
		b.mu.items = append(b.mu.items, item(i))
	}
}

// take returns what has come in and leaves spare, which the caller got from the
// take before, to collect the next batch.
func (b *inbox[T]) take(spare []T) []T {
	clear(spare)
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.mu.items
	b.mu.items = spare[:0]
	return items
}

func (b *inbox[T]) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mu.items) == 0
}

// gather lets every goroutine that is ready to run go first: whoever is about to put
// something into the inbox still gets into this batch, and the batch pays for one
// wake-up, one sync and one look at the sockets. When nobody else is ready it costs
// nothing, and no timer is waited for.
func gather() { runtime.Gosched() }
