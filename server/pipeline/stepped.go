package pipeline

import (
	"errors"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/metrics"
)

// A Stepped is a core without goroutines: what in a server each goroutine does in its
// own time, its owner has done when it likes, a step at a time and from one goroutine.
// So internal/sim runs the code that a server runs, and a seed is a run. Methods of the
// Core that wait, and Run, are not for it.
type Stepped struct {
	*Core
	msgs     []message
	items    []logItem
	appended bool // and not synced yet
	ended    bool // the log has failed: its goroutine would be gone
	others   []func()
}

// NewStepped returns what New does, to be moved by hand.
func NewStepped(tree *datatree.Tree, log Log, schemes *auth.Schemes, m *metrics.Metrics, ev Events, o Options) *Stepped {
	s := &Stepped{Core: New(tree, log, schemes, m, ev, o)}
	s.apart = func(f func()) { s.others = append(s.others, f) }
	return s
}

// Tree is the present one.
func (s *Stepped) Tree() *datatree.Tree { return s.tree }

// Idle reports whether the core's goroutine would sleep.
func (s *Stepped) Idle() bool { return s.inbox.empty() && !s.ready() }

// Work does what the core's goroutine does between two sleeps; tick says that its
// ticker has fired. After an error, the log's, nothing may be called any more.
func (s *Stepped) Work(tick bool) error {
	for tick || !s.Idle() {
		var err error
		if s.msgs, err = s.turn(s.msgs, tick); err != nil {
			return err
		}
		tick = false
	}
	return nil
}

// Flush does what the flushers do.
func (s *Stepped) Flush() {
	for _, in := range s.flush.inboxes {
		s.flush.drain(in.take(nil))
	}
}

// Apart does what goroutines do that were started for one thing each.
func (s *Stepped) Apart() {
	for len(s.others) > 0 {
		f := s.others[0]
		s.others = s.others[1:]
		f()
	}
}

// Waits reports whether there is something for Flush or Apart.
func (s *Stepped) Waits() bool {
	for _, in := range s.flush.inboxes {
		if !in.empty() {
			return true
		}
	}
	return len(s.others) > 0
}

// Log finishes what the log's goroutine has begun: to append, which ends with a sync,
// or to do something alone. Then it begins with what comes next. It returns false if
// there is nothing, or if the log has failed. Between two calls lies the time that the
// disk takes.
func (s *Stepped) Log() bool {
	if s.ended {
		return false
	}
	w := s.writer
	for {
		if s.appended {
			s.appended = false
			if !w.finish() {
				s.ended = true
				return false
			}
		}
		if len(w.txns) == 0 {
			s.items = append(s.items, w.inbox.take(nil)...)
			if len(s.items) == 0 {
				return false
			}
			if s.items[0].call != nil {
				err := w.tried(s.items[0].call())
				if errors.Is(err, ErrNoSpace) {
					return true // and later once more
				}
				s.items = s.items[1:]
				s.ended = w.failed(err)
				return !s.ended
			}
			s.items = s.items[w.gather(s.items):]
		}
		if len(w.txns) == 0 { // only somebody who waits for what is durable already
			s.appended = true
			continue
		}
		if err := w.tried(w.try()); errors.Is(err, ErrNoSpace) {
			return true // and later once more
		} else if w.failed(err) {
			s.ended = true
			return false
		}
		s.appended = true
		return true
	}
}

// LogIdle reports whether the log was given nothing that it has not done.
func (s *Stepped) LogIdle() bool {
	return !s.appended && len(s.items) == 0 && len(s.writer.txns) == 0 && s.writer.inbox.empty()
}

// Alone has the log's goroutine call f when everything given to it is durable.
func (s *Stepped) Alone(f func() error) { s.writer.do(f) }
