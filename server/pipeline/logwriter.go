package pipeline

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/zab"
)

// A logWriter appends and syncs. It takes everything that has come in since its last
// sync as one batch: one write, one sync. One goroutine at a time has it.
type logWriter struct {
	core    *Core
	inbox   *inbox[logItem]
	working sync.Mutex    // held by the hand that has the log; see hands
	over    chan struct{} // closed when nothing will be done any more
	quick   atomic.Bool   // the last syncs took no longer than waking somebody does

	// What follows belongs to that hand.
	items   []logItem     // spare
	crowded bool          // more than one transaction came last time
	txns    []zab.Txn     // gathered, to be kept together
	after   []message     // for the core when they are durable
	first   time.Duration // when the oldest of them was handed over
	short   bool          // there was no room for them
	dead    bool          // the log has failed
	streak  int           // syncs that were quick, without a break

	began, appended time.Duration // when writing what was gathered began, and ended

	settles bool         // when nothing was appended for a moment
	arms    bool         // there is a timer for that
	last    atomic.Int64 // when something was appended; anybody may look
}

// A logItem is a transaction to keep; or a message for the core when everything before
// it is durable, without waiting for it to be so; or a function to call alone.
type logItem struct {
	txn   zab.Txn
	at    time.Duration // when it was handed over, on the core's clock
	tells bool          // the core, of after
	after message
	call  func() error // an error is the log's
}

func newLogWriter(c *Core) *logWriter {
	return &logWriter{core: c, inbox: newInbox[logItem](c.bell), over: make(chan struct{})}
}

// What put, afterwards and do hand over is seen to by the hand that has the core and
// calls them, or summons the other one.

// put hands over transactions, and what to tell the core when they are durable, if
// anything.
func (w *logWriter) put(txns []zab.Txn, after ...message) {
	now := w.core.Now()
	w.inbox.layAll(len(txns)+len(after), func(i int) logItem {
		if i >= len(txns) {
			return logItem{tells: true, after: after[i-len(txns)]}
		}
		return logItem{txn: txns[i], at: now}
	})
}

// afterwards has the core told when everything handed over before is durable.
func (w *logWriter) afterwards(m message) { w.inbox.lay(logItem{tells: true, after: m}) }

// do has f called alone, when everything handed over before is durable.
func (w *logWriter) do(f func() error) { w.inbox.lay(logItem{call: f}) }

// summon has the other hand take the log, if there is something to do.
func (w *logWriter) summon() {
	if !w.inbox.empty() {
		w.inbox.ring()
	}
}

// serve does what has come in, as one batch.
func (w *logWriter) serve() {
	w.items = w.inbox.take(w.items)
	w.crowded = len(w.items) > 2 // a transaction, and whom to tell
	w.dead = !w.work(w.items)
	clear(w.items) // they may be large, and the next may come late
	if w.dead {
		close(w.over)
	}
}

// close does what is left, and says that it was all. No hand is at work any more.
func (w *logWriter) close() {
	w.working.Lock() // somebody may be visiting
	defer w.working.Unlock()
	for !w.dead && !w.inbox.empty() {
		w.serve()
	}
	if !w.dead {
		w.dead = true
		close(w.over)
	}
}

// A log is quick while the last syncs each took no longer than this: about what it
// costs to wake somebody who does them.
const (
	quickSync  = 100 * time.Microsecond
	quickSyncs = 16
)

// judge finds out whether the log is quick.
func (w *logWriter) judge(took time.Duration) {
	if took > quickSync {
		w.streak = 0
	} else if w.streak < quickSyncs {
		w.streak++
	}
	if quick := w.streak == quickSyncs; quick != w.quick.Load() {
		w.quick.Store(quick)
	}
}

// light reports whether what has come in is a lone write and whom to tell, and the log is
// quick. Whatever takes longer than that is left to the hands.
func (w *logWriter) light() bool {
	if !w.quick.Load() {
		return false
	}
	in := w.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	for i := range in.mu.items {
		if in.mu.items[i].call != nil {
			return false
		}
	}
	return len(in.mu.items) <= 2
}

// idleTime is how long nothing must have been appended before the log is
// settled.
const idleTime = 50 * time.Millisecond

// settleSoon sees to it that the log is settled once it is idle. There is one timer at
// a time, whatever is written.
func (w *logWriter) settleSoon() {
	w.last.Store(int64(w.core.Now()))
	if w.settles && !w.arms {
		w.arms = true
		w.settleLater()
	}
}

// settleLater looks when the log may be idle, and so long as it is not disturbs nobody: a
// call would divide a batch.
func (w *logWriter) settleLater() {
	time.AfterFunc(w.restless(), func() {
		if w.restless() > 0 {
			w.settleLater()
			return
		}
		w.inbox.put(logItem{call: w.settle})
	})
}

// restless is for how long the log is not idle yet.
func (w *logWriter) restless() time.Duration {
	return time.Duration(w.last.Load()) + idleTime - w.core.Now()
}

// settle settles the log, unless something was appended just now.
func (w *logWriter) settle() error {
	if w.restless() > 0 {
		w.settleLater()
		return nil
	}
	w.arms = false
	return w.core.log.Settle()
}

// work does one batch, in order: what stands before a call is durable when it
// runs. It reports false when the log has failed.
func (w *logWriter) work(items []logItem) bool {
	for {
		items = items[w.gather(items):]
		if !w.write() || !w.finish() {
			return false
		}
		if len(items) == 0 {
			return true
		}
		w.core.bell.ring() // the core need not wait for the rest
		if w.failed(w.patiently(items[0].call)) {
			return false
		}
		items = items[1:]
	}
}

// gather takes what can be made durable together and returns how many items that
// were: the next one, if there is one, is a call.
func (w *logWriter) gather(items []logItem) int {
	for i := range items {
		switch it := &items[i]; {
		case it.call != nil:
			return i
		case it.tells:
			w.after = append(w.after, it.after)
		default:
			if len(w.txns) == 0 {
				w.first = it.at
			}
			w.txns = append(w.txns, it.txn)
		}
	}
	return len(items)
}

// write appends what was gathered, if anything. It reports false when the log has
// failed: then nothing is acknowledged any more, and nothing is retried.
func (w *logWriter) write() bool {
	if len(w.txns) == 0 {
		return true
	}
	w.began = w.core.Now()
	err := w.append()
	w.appended = w.core.Now()
	return !w.failed(err)
}

// finish makes durable what was appended, and tells those who wait for it. It reports
// false as write does.
func (w *logWriter) finish() bool {
	if len(w.txns) > 0 {
		if w.failed(w.core.log.Sync()) {
			return false
		}
		w.count(len(w.txns))
		w.settleSoon()
		clear(w.txns)
		w.txns = w.txns[:0]
	}
	w.tell()
	return true
}

// tell tells the core that everything handed over before is durable.
func (w *logWriter) tell() {
	w.core.inbox.lay(w.after...)
	clear(w.after)
	w.after = w.after[:0]
}

// failed tells the core of an error, which is the log's end.
func (w *logWriter) failed(err error) bool {
	if err != nil {
		w.core.inbox.lay(message{err: err})
	}
	return err != nil
}

// count tells the metrics of a batch that is durable now.
func (w *logWriter) count(txns int) {
	m, n, now := w.core.metrics, int64(txns), w.core.Now()
	m.SyncQueued.Add(0, n)
	m.SyncQueueSize.Observe(0, n)
	m.SyncBatchSize.Observe(0, n)
	m.SyncQueueTime.ObserveN(0, w.began-w.first, n)
	m.SyncTime.ObserveN(0, (w.appended-w.began)/time.Duration(n), n)
	w.judge(now - w.began)
	m.FsyncTime.Observe(0, now-w.appended)
	m.SyncFlushTime.Observe(0, now-w.appended)
	m.SyncQueueAndFlushTime.ObserveN(0, now-w.first, n)
}
