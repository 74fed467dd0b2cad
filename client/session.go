package client

import (
	"context"
	"sync"
	"time"

	"github.com/zabra/zabra/wire"
)

// A Session is what ephemeral nodes belong to.
type Session struct {
	// ID is the service's number for it, the EphemeralOwner of its nodes.
	ID SessionID
	// Timeout is what the service granted when it opened the session. A server that the
	// session moves to may grant another, and Done goes by that.
	Timeout time.Duration

	passwd []byte
	done   chan struct{}

	mu      sync.Mutex
	contact time.Time     // when a request was sent that is known to have arrived
	granted time.Duration // by the server that the session moved to last
	timer   *time.Timer
	over    bool
	ended   time.Time // when over, before done is closed
	onOver  func(*Session)
}

// Done is closed when the session is over, or may be over without the client's having
// been told: from then on nothing that depends on its ephemeral nodes may be done.
func (s *Session) Done() <-chan struct{} { return s.done }

// Alive reports whether Done is open.
func (s *Session) Alive() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

type sessionKey struct{}

// InSession makes a context whose calls are carried out in that session or not at all:
// they fail with ErrSessionExpired when it is over, even if the Client has another one
// by then.
func InSession(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// wanted is the session that a context's calls belong to, nil for any.
func wanted(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

// newSession is a session that was opened by a request sent at contact. onOver is
// called once, when time has run out; end does not call it.
func newSession(id SessionID, passwd []byte, timeout time.Duration, contact time.Time, onOver func(*Session)) *Session {
	s := &Session{ID: id, Timeout: timeout, passwd: passwd, done: make(chan struct{}), contact: contact, granted: timeout, onOver: onOver}
	s.mu.Lock() // the time may be up before AfterFunc returns
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(time.Until(contact.Add(timeout)), s.check)
	return s
}

// touch notes that the service heard of the session at at or later.
func (s *Session) touch(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.After(s.contact) {
		s.contact = at
	}
}

// moved notes that another server has taken the session on, at at or later, and how long
// it keeps it without contact: servers may be configured differently, and the service
// goes by what the last one has granted.
func (s *Session) moved(at time.Time, granted time.Duration) {
	s.touch(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.granted = granted
	if !s.over {
		s.timer.Reset(time.Until(s.contact.Add(granted)))
	}
}

// patience is how long the service keeps the session without contact now.
func (s *Session) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.granted
}

// check ends the session if its time has run out, and looks again later if not.
func (s *Session) check() {
	s.mu.Lock()
	left := time.Until(s.contact.Add(s.granted))
	if s.over || left > 0 {
		if !s.over {
			s.timer.Reset(left)
		}
		s.mu.Unlock()
		return
	}
	s.endLocked()
	s.mu.Unlock()
	s.onOver(s)
}

// end ends the session and reports whether it had not ended yet.
func (s *Session) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.endLocked()
	return true
}

func (s *Session) endLocked() {
	s.over, s.ended = true, time.Now()
	s.timer.Stop()
	close(s.done)
}

// zero is the password of who asks for a new session.
var zero [wire.PasswdLen]byte
