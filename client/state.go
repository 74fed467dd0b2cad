package client

import (
	"context"
	"fmt"
	"time"
)

// A State is what a Client is to the service.
type State int

// The states. A Client begins in Connecting and ends in Closed.
const (
	Connecting        State = iota // looking for a server; the session, if there is one, may live
	Connected                      // to a server that takes part in a quorum
	ConnectedReadOnly              // to one that has lost its quorum
	Expired                        // the session is over; a new one is being opened
	Closed
)

var stateNames = [...]string{"connecting", "connected", "connected read-only", "expired", "closed"}

// String names the state.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state(%d)", int(s))
	}
	return stateNames[s]
}

// A StateChange says that a Client's state is another.
type StateChange struct {
	State   State
	Session SessionID // 0 before the first
	Server  string    // host:port, while connected
	At      time.Time
	Err     error // why a connection or a session ended
}

// State is the Client's state now. It may be another when the call returns.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// States returns a channel that gets the state there is and then every change, in
// order, until the context ends or the Client is closed; then it is closed. Changes
// wait for their reader, all of them as long as the Client is open.
func (c *Client) States(ctx context.Context) <-chan StateChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := newQueue[StateChange](0)
	q.put(c.last)
	if c.state == Closed {
		q.close()
	} else {
		c.listeners = append(c.listeners, q)
		context.AfterFunc(ctx, func() { c.unlisten(q) })
	}
	return q.out
}

func (c *Client) unlisten(q *queue[StateChange]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, o := range c.listeners {
		if o == q {
			c.listeners = append(c.listeners[:i:i], c.listeners[i+1:]...)
		}
	}
	q.close()
}

// becomeLocked changes the state and tells everybody.
func (c *Client) becomeLocked(s State, server string, err error) {
	if c.state == s && s != Connected {
		return
	}
	c.state = s
	ch := StateChange{State: s, Server: server, At: time.Now(), Err: err}
	if c.session != nil {
		ch.Session = c.session.ID
	}
	c.last = ch
	for _, q := range c.listeners {
		q.put(ch)
		if s == Closed {
			q.close()
		}
	}
	if s == Closed {
		c.listeners = nil
	}
	if c.opts.Metrics != nil {
		c.opts.Metrics.State(s)
	}
}
