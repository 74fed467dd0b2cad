package client

import "sync"

// A queue is a channel without a bound of its own: put never blocks. A goroutine
// carries values from the queue to the channel while there are any.
type queue[T any] struct {
	out chan T

	mu      sync.Mutex
	waiting []T
	limit   int // of waiting; 0 for none
	pumping bool
	stop    chan struct{} // closed when nobody takes any more
	stopped bool
}

func newQueue[T any](limit int) *queue[T] {
	return &queue[T]{out: make(chan T, 16), stop: make(chan struct{}), limit: limit}
}

// put adds a value, and reports false without adding it if the queue is full.
func (q *queue[T]) put(v T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return true
	}
	if q.limit > 0 && len(q.waiting) >= q.limit {
		return false
	}
	if !q.pumping {
		select {
		case q.out <- v:
			return true
		default:
		}
		q.pumping = true
		go q.pump()
	}
	q.waiting = append(q.waiting, v)
	return true
}

// replace forgets what waits and puts v in its place.
func (q *queue[T]) replace(v T) {
	q.mu.Lock()
	q.waiting = nil
	q.mu.Unlock()
	q.put(v)
}

// close closes the channel and forgets what waits beyond it, so that no goroutine is
// left behind with a value that nobody takes.
func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return
	}
	q.stopped = true
	close(q.stop)
	if !q.pumping {
		close(q.out)
	}
}

// closed reports whether close was called.
func (q *queue[T]) closed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stopped
}

// pump carries values until none waits.
func (q *queue[T]) pump() {
	for {
		v, ok := q.next()
		if !ok {
			return
		}
		select {
		case q.out <- v:
		case <-q.stop:
		}
	}
}

// next takes the oldest that waits. If there is none the pump is over.
func (q *queue[T]) next() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || q.stopped {
		q.pumping = false
		if q.stopped {
			close(q.out)
		}
		return v, false
	}
	v = q.waiting[0]
	q.waiting = q.waiting[1:]
	return v, true
}
