package conn

import "time"

// A loop whose round has brought one write does the core's work with it, and the log's,
// itself where the log is quick: nobody has to be woken. But a disk may stall at any
// time, and connections must be served meanwhile. So somebody looks now and then whether
// the goroutine is still away in the same work, and goes on with the loop in its place;
// the goroutine then ends when it comes back.

// lookEvery is how often a loop that works for the core is looked after. It is relieved
// at the second look.
const lookEvery = 5 * time.Millisecond

// work does the core's work, and reports whether the loop is still this goroutine's.
// While it is away the count is odd.
func (l *loop) work() bool {
	l.left = false
	trip := l.away.Add(1)
	if !l.watched.Load() && !l.watched.Swap(true) {
		l.lookAfter(trip)
	}
	l.core.Work()
	return l.away.CompareAndSwap(trip, trip+1)
}

func (l *loop) lookAfter(seen uint64) { time.AfterFunc(lookEvery, func() { l.relieve(seen) }) }

// relieve goes on with the loop if its goroutine has been away since seen. It looks again
// later, unless the loop has not worked for the core since.
func (l *loop) relieve(seen uint64) {
	now := l.away.Load()
	if now != seen {
		l.lookAfter(now)
		return
	}
	l.watched.Store(false)
	if now%2 == 1 && l.away.CompareAndSwap(now, now+1) {
		l.run()
		return
	}
	if now = l.away.Load(); now != seen && !l.watched.Swap(true) {
		l.lookAfter(now) // away again, and believed to be watched
	}
}
