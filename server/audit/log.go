package audit

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// maxWaiting bounds the text that waits to be written, bytes.
const maxWaiting = 64 << 20

// A Log writes events in the order in which they come. It may be used by any number of
// goroutines.
type Log struct {
	sink  sink
	own   *zap.Logger
	most  int
	wake  chan struct{}
	ended chan struct{}

	mu struct {
		sync.Mutex
		waiting []entry
		size    int
		lost    int
		closed  bool
	}
}

// An entry is an event that waits to be written.
type entry struct {
	at     time.Time
	text   string
	failed bool
}

// A sink is where entries go. It is used by one goroutine.
type sink interface {
	write(entries []entry) error
	close() error
}

// Open begins a log in the file, which is made if it is missing and appended to else;
// with no path its lines go to own. What is wrong with the log is told to own too. The
// error says which file cannot be opened.
func Open(path string, own *zap.Logger) (*Log, error) {
	if path == "" {
		return start(linesOf{own}, own), nil
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return start(f, own), nil
}

func start(s sink, own *zap.Logger) *Log {
	l := &Log{sink: s, own: own, most: maxWaiting, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go l.run()
	return l
}

// Write takes an event. It never waits.
func (l *Log) Write(e *Event) {
	text := string(e.AppendTo(nil))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed || l.mu.size+len(text) > l.most {
		l.mu.lost++
		return
	}
	l.mu.size += len(text)
	l.mu.waiting = append(l.mu.waiting, entry{at: time.Now(), text: text, failed: e.Result == Failure})
	l.signal()
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close writes what waits, and ends the log.
func (l *Log) Close() error {
	l.mu.Lock()
	closed := l.mu.closed
	l.mu.closed = true
	l.signal()
	l.mu.Unlock()
	<-l.ended
	if closed {
		return nil
	}
	return l.sink.close()
}

func (l *Log) run() {
	defer close(l.ended)
	for range l.wake {
		for {
			entries, lost, closed := l.take()
			l.tell(entries, lost)
			if len(entries) == 0 {
				if closed {
					return
				}
				break
			}
		}
	}
}

// take takes all that waits. It counts as waiting until it has been written.
func (l *Log) take() (entries []entry, lost int, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries, l.mu.waiting = l.mu.waiting, nil
	lost, l.mu.lost = l.mu.lost, 0
	return entries, lost, l.mu.closed
}

func (l *Log) tell(entries []entry, lost int) {
	if lost > 0 {
		l.own.Error("the audit log cannot keep up: events were lost", zap.Int("events", lost))
	}
	if len(entries) == 0 {
		return
	}
	if err := l.sink.write(entries); err != nil {
		l.own.Error("the audit log cannot be written: events were lost", zap.Int("events", len(entries)), zap.Error(err))
	}
	size := 0
	for _, e := range entries {
		size += len(e.text)
	}
	l.mu.Lock()
	l.mu.size -= size
	l.mu.Unlock()
}

// linesOf is the server's own log as a sink.
type linesOf struct{ log *zap.Logger }

func (s linesOf) write(entries []entry) error {
	for _, e := range entries {
		if e.failed {
			s.log.Error(e.text)
			continue
		}
		s.log.Info(e.text)
	}
	return nil
}

func (linesOf) close() error { return nil }
