package pipeline

import "sync"

// A treeLock guards the tree. Readers take one of its stripes, so that two of
// them on two cores write to no common cache line; the one writer takes them
// all, once for a whole batch of transactions.
type treeLock struct {
	stripes []stripe
}

type stripe struct {
	sync.RWMutex
	_ [64]byte // keeps two stripes off one cache line
}

// newTreeLock returns a lock for n readers at a time without contention.
func newTreeLock(n int) *treeLock { return &treeLock{stripes: make([]stripe, max(n, 1))} }

// reader is the stripe of the reader with number n.
func (l *treeLock) reader(n uint32) *stripe { return &l.stripes[int(n)%len(l.stripes)] }

// Lock excludes all readers and the other writers.
func (l *treeLock) Lock() {
	for i := range l.stripes {
		l.stripes[i].Lock()
	}
}

// Unlock lets readers in again.
func (l *treeLock) Unlock() {
	for i := range l.stripes {
		l.stripes[i].Unlock()
	}
}
