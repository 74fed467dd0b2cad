package differ

import (
	"fmt"

	"github.com/zabra/zabra/interop/raw"
)

// A Kind is what a step does.
type Kind int

// The kinds of step.
const (
	Request   Kind = iota // send one request
	Open                  // open a new session in a slot that has none
	Drop                  // close the connection, keep the session
	Reattach              // continue the session on a new connection, taking it over if it is still connected
	WrongPass             // try that with a wrong password, from a slot without connection
	Ahead                 // try that having seen a zxid from the future
	Burst                 // send several requests at once
)

var kindNames = [...]string{"request", "open", "drop", "reattach", "wrong password", "from the future", "burst"}

func (k Kind) String() string { return kindNames[k] }

// A Step is one thing to do to both servers.
type Step struct {
	Kind    Kind
	Slot    int // which session
	Timeout int32
	Old     bool // handshake without the readOnly byte

	Op   raw.Op
	Xid  int32
	Body raw.Body
	// Since makes the first long of Body the server's own zxid after that step
	// (setWatches); negative leaves the body alone.
	Since int
	// Path is the path of a delete.
	Path string
	// Text says in words what Body holds.
	Text string

	// Burst are the requests of a burst, all of the same session.
	Burst []Step
}

// String prints the step as a person would retell it.
func (s Step) String() string {
	if s.Kind == Burst {
		text := fmt.Sprintf("s%d burst", s.Slot)
		for _, b := range s.Burst {
			text += "\n    " + b.String()
		}
		return text
	}
	if s.Kind != Request {
		return fmt.Sprintf("s%d %v timeout=%d old=%v", s.Slot, s.Kind, s.Timeout, s.Old)
	}
	return fmt.Sprintf("s%d xid=%d %v %s", s.Slot, s.Xid, s.Op, s.Text)
}
