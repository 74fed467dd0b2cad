package client

import "sync"

// callbacks are those of Async's callers that are to be told what their calls have led to.
type callbacks struct {
	mu      sync.Mutex
	waiting []told
	telling bool
}

// A told is a Future whose caller is to be told.
type told interface{ tell() }

// put adds one, and reports whether somebody has to begin to tell.
func (c *callbacks) put(f told) (begin bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, f)
	begin = !c.telling
	c.telling = true
	return begin
}

// take returns all in exchange for an empty slice. If there are none, telling is over.
func (c *callbacks) take(spare []told) []told {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.waiting
	c.waiting = spare
	if len(batch) == 0 {
		c.waiting, c.telling = nil, false
	}
	return batch
}

// told has a caller told, one after the other, in the order of the answers, by a goroutine
// that is there while there is something to tell. It is not the one that reads the answers:
// what it calls may make calls itself, and wait for them.
func (c *Client) told(f told) {
	if c.callbacks.put(f) {
		go c.tell()
	}
}

func (c *Client) tell() {
	for batch := c.callbacks.take(nil); len(batch) > 0; batch = c.callbacks.take(batch[:0]) {
		for i, f := range batch {
			batch[i] = nil
			f.tell()
			c.untold.Add(-1)
			c.makeRoom()
		}
	}
}
