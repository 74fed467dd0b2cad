package pipeline

import (
	"time"

	"github.com/zabra/zabra/wire"
)

// A logWriter is the goroutine that appends and syncs. It takes everything that
// has come in since its last sync as one batch: one write, one sync.
type logWriter struct {
	core  *Core
	inbox *inbox[logItem]
	txns  []wire.Txn    // gathered, to be kept together
	first time.Duration // when the oldest of them was handed over
	ended chan struct{} // closed when run returns
}

// A logItem is a transaction to keep, or a function that needs the log to
// itself, or the order to stop.
type logItem struct {
	txn  wire.Txn
	at   time.Duration // when it was handed over, on the core's clock
	call func()
	stop bool
}

func newLogWriter(c *Core) *logWriter {
	return &logWriter{core: c, inbox: newInbox[logItem](), ended: make(chan struct{})}
}

func (w *logWriter) put(txns []wire.Txn) {
	now := w.core.Now()
	w.inbox.putAll(len(txns), func(i int) logItem { return logItem{txn: txns[i], at: now} })
}

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
	for i := range items {
		switch it := &items[i]; {
		case it.call != nil:
			if !w.keep() {
				return false
			}
			it.call()
		case it.stop:
			w.keep()
			return false
		default:
			if len(w.txns) == 0 {
				w.first = it.at
			}
			w.txns = append(w.txns, it.txn)
		}
	}
	return w.keep()
}

// keep makes the transactions gathered durable and tells the core. It reports
// false when the log has failed: then nothing is acknowledged any more, and
// nothing is retried.
func (w *logWriter) keep() bool {
	n := len(w.txns)
	if n == 0 {
		return true
	}
	start := w.core.Now()
	err := w.append()
	appended := w.core.Now()
	if err == nil {
		err = w.core.log.Sync()
	}
	if err != nil {
		w.core.inbox.put(message{err: err})
		return false
	}
	w.count(n, w.first, start, appended)
	w.core.inbox.put(message{synced: w.txns[n-1].Header.Zxid})
	clear(w.txns)
	w.txns = w.txns[:0]
	return true
}

// count tells the metrics of a batch: when its oldest transaction came, when
// writing began, and when syncing did.
func (w *logWriter) count(txns int, first, start, appended time.Duration) {
	m, n, now := w.core.metrics, int64(txns), w.core.Now()
	m.SyncQueued.Add(0, n)
	m.SyncQueueSize.Observe(0, n)
	m.SyncBatchSize.Observe(0, n)
	m.SyncQueueTime.ObserveN(0, start-first, n)
	m.SyncTime.ObserveN(0, (appended-start)/time.Duration(n), n)
	m.FsyncTime.Observe(0, now-appended)
	m.SyncFlushTime.Observe(0, now-appended)
	m.SyncQueueAndFlushTime.ObserveN(0, now-first, n)
}
