package pipeline

import (
	"time"

	"github.com/zabra/zabra/zab"
)

// A logWriter is the goroutine that appends and syncs. It takes everything that
// has come in since its last sync as one batch: one write, one sync.
type logWriter struct {
	core  *Core
	inbox *inbox[logItem]
	txns  []zab.Txn     // gathered, to be kept together
	after []func()      // to be called when they are durable
	first time.Duration // when the oldest of them was handed over
	short bool          // there was no room for them
	ended chan struct{} // closed when run returns

	began, appended time.Duration // when writing what was gathered began, and ended
}

// A logItem is a transaction to keep; or a function to call when everything before it
// is durable, without waiting for it to be so; or one that needs the log to itself; or
// the order to stop.
type logItem struct {
	txn   zab.Txn
	at    time.Duration // when it was handed over, on the core's clock
	after func()
	call  func() error // an error is the log's
	stop  bool
}

func newLogWriter(c *Core) *logWriter {
	return &logWriter{core: c, inbox: newInbox[logItem](), ended: make(chan struct{})}
}

// put hands over transactions, and what to call when they are durable, if anything.
func (w *logWriter) put(txns []zab.Txn, after func()) {
	now, n := w.core.Now(), len(txns)
	if after != nil {
		n++
	}
	w.inbox.putAll(n, func(i int) logItem {
		if i == len(txns) {
			return logItem{after: after}
		}
		return logItem{txn: txns[i], at: now}
	})
}

// afterwards has f called when everything handed over before is durable.
func (w *logWriter) afterwards(f func()) { w.inbox.put(logItem{after: f}) }

// do has f called alone, when everything handed over before is durable.
func (w *logWriter) do(f func() error) { w.inbox.put(logItem{call: f}) }

func (w *logWriter) stop() { w.inbox.put(logItem{stop: true}) }

// idleTime is how long nothing must have been appended before the log is
// settled.
const idleTime = 50 * time.Millisecond

func (w *logWriter) run() {
	defer close(w.ended)
	idle := time.NewTimer(idleTime)
	defer idle.Stop()
	var items []logItem
	for {
		select {
		case <-w.inbox.wake:
		case <-idle.C:
			if err := w.core.log.Settle(); err != nil {
				w.core.inbox.put(message{err: err})
				return
			}
			continue
		}
		gather()
		items = w.inbox.take(items)
		if !w.work(items) {
			return
		}
		clear(items) // they may be large, and the next may come late
		idle.Reset(idleTime)
	}
}

// work does one batch, in order: what stands before a call is durable when it
// runs. It reports false when that was the last.
func (w *logWriter) work(items []logItem) bool {
	for {
		items = items[w.gather(items):]
		if !w.write() || !w.finish() {
			return false
		}
		if len(items) == 0 {
			return true
		}
		if items[0].stop || w.failed(w.patiently(items[0].call)) {
			return false
		}
		items = items[1:]
	}
}

// gather takes what can be made durable together and returns how many items that
// were: the next one, if there is one, is a call or the order to stop.
func (w *logWriter) gather(items []logItem) int {
	for i := range items {
		switch it := &items[i]; {
		case it.call != nil, it.stop:
			return i
		case it.after != nil:
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
		clear(w.txns)
		w.txns = w.txns[:0]
	}
	w.tell()
	return true
}

// tell tells those who wait that everything handed over before is durable.
func (w *logWriter) tell() {
	for _, f := range w.after {
		f()
	}
	clear(w.after)
	w.after = w.after[:0]
}

// failed tells the core of an error, which is the log's end.
func (w *logWriter) failed(err error) bool {
	if err != nil {
		w.core.inbox.put(message{err: err})
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
	m.FsyncTime.Observe(0, now-w.appended)
	m.SyncFlushTime.Observe(0, now-w.appended)
	m.SyncQueueAndFlushTime.ObserveN(0, now-w.first, n)
}
