package client

// A fifo is a queue of calls that reuses its memory.
type fifo struct {
	calls []*call
	head  int
}

func (f *fifo) len() int { return len(f.calls) - f.head }

func (f *fifo) push(k *call) {
	if f.head > 0 && len(f.calls) == cap(f.calls) {
		n := copy(f.calls, f.calls[f.head:])
		clear(f.calls[n:])
		f.calls, f.head = f.calls[:n], 0
	}
	f.calls = append(f.calls, k)
}

// first is the oldest, nil if there is none.
func (f *fifo) first() *call {
	if f.len() == 0 {
		return nil
	}
	return f.calls[f.head]
}

// pop returns the oldest, nil if there is none.
func (f *fifo) pop() *call {
	if f.len() == 0 {
		return nil
	}
	k := f.calls[f.head]
	f.calls[f.head] = nil
	f.head++
	if f.head == len(f.calls) {
		f.calls, f.head = f.calls[:0], 0
	}
	return k
}

// drain returns all, the oldest first, and forgets them.
func (f *fifo) drain() []*call {
	all := f.calls[f.head:]
	*f = fifo{}
	return all
}
