package recipes

import (
	"cmp"
	"context"
	"sync"

	"github.com/zabra/zabra/client"
)

// A Config is a node's data in the form in which a program uses it. It follows the node.
// What cannot be parsed does not replace what could.
type Config[T any] struct {
	cache *Cache
	parse func([]byte) (T, error)

	mu      sync.Mutex
	value   T
	err     error
	changed chan struct{} // closed, and replaced, with every change
	stopped chan struct{}
}

// NewConfig reads the node at path, which need not be there: then parse gets nil. It
// fails if what is there cannot be parsed.
func NewConfig[T any](ctx context.Context, tree client.Tree, path string, parse func([]byte) (T, error)) (*Config[T], error) {
	changes := make(chan Change)
	cache, err := NewCache(ctx, tree, path, NodeOnly, changes)
	if err != nil {
		return nil, err
	}
	c := &Config[T]{cache: cache, parse: parse, changed: make(chan struct{}), stopped: make(chan struct{})}
	e, _ := cache.Get(path)
	c.take(e.Data)
	if err := c.Err(); err != nil {
		cache.Close()
		return nil, err
	}
	go c.follow(changes)
	return c, nil
}

// Get returns the newest value that could be parsed.
func (c *Config[T]) Get() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

// Err is why the node's data is not what Get returns: it cannot be parsed, or the Config
// does not follow. It is nil while it is.
func (c *Config[T]) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.err, c.cache.Err())
}

// Changed is closed when Get or Err will return something else. Whoever asks for it
// before they ask for the value misses nothing:
//
//	for changed := c.Changed(); ; changed = c.Changed() {
//		use(c.Get())
//		<-changed
//	}
func (c *Config[T]) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Close ends following.
func (c *Config[T]) Close() {
	c.cache.Close()
	<-c.stopped
}

func (c *Config[T]) follow(changes <-chan Change) {
	defer close(c.stopped)
	for ch := range changes {
		if ch.Type == Removed {
			ch.Data = nil
		}
		c.take(ch.Data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.cache.Err(); err != nil {
		c.err = err
		c.tellLocked()
	}
}

// take makes data the value, unless it cannot be parsed.
func (c *Config[T]) take(data []byte) {
	v, err := c.parse(data)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.value = v
	}
	c.err = err
	c.tellLocked()
}

func (c *Config[T]) tellLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}
