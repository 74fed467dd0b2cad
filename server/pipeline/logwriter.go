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
	txns  []wire.Txn // of the current batch
}

// A logItem is a transaction to keep, or a function that needs the log to
// itself, or the order to stop.
type logItem struct {
	txn  wire.Txn
	call func()
	stop bool
}

func newLogWriter(c *Core) *logWriter { return &logWriter{core: c, inbox: newInbox[logItem]()} }

func (w *logWriter) put(txns []wire.Txn) {
	w.inbox.putAll(len(txns), func(i int) logItem { return logItem{txn: txns[i]} })
}

func (w *logWriter) stop() { w.inbox.put(logItem{stop: true}) }

// idleTime is how long nothing must have been appended before the log is
// settled.
const idleTime = 50 * time.Millisecond

func (w *logWriter) run() {
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
		items = w.inbox.take(items)
		if !w.work(items) {
			return
		}
		idle.Reset(idleTime)
	}
}

// work does one batch and reports false when that was the last.
func (w *logWriter) work(items []logItem) bool {
	w.txns = w.txns[:0]
	more := true
	for i := range items {
		switch it := &items[i]; {
		case it.call != nil:
			it.call()
		case it.stop:
			more = false
		default:
			w.txns = append(w.txns, it.txn)
		}
	}
	return w.keep(w.txns) && more
}

// keep makes txns durable and tells the core. It reports false when the log
// has failed: then nothing is acknowledged any more, and nothing is retried.
func (w *logWriter) keep(txns []wire.Txn) bool {
	if len(txns) == 0 {
		return true
	}
	start := time.Now()
	err := w.core.log.Append(txns)
	if err == nil {
		err = w.core.log.Sync()
	}
	if err != nil {
		w.core.inbox.put(message{err: err})
		return false
	}
	w.core.metrics.FsyncTime.Observe(0, time.Since(start))
	w.core.metrics.SyncBatchSize.Observe(0, int64(len(txns)))
	w.core.inbox.put(message{synced: txns[len(txns)-1].Header.Zxid})
	clear(txns)
	return true
}
