package dev

import (
	"fmt"
	"io"
	"time"

	"github.com/zabra/zabra/quorum"
)

// Options say what to run.
type Options struct {
	Binary string // zabra itself
	Dir    string // for the data; made if it is missing
	Fresh  bool   // removes the data of earlier starts first

	Servers   int // that vote
	Observers int // that do not; they have the ids behind those

	Port    int           // the first client port to try
	Restart time.Duration // after which a server that ended is started again; 0: never

	JSON bool // an object a line in place of text for people
	Out  io.Writer
	Log  io.Writer
	// Colours paints what belongs to a server on Log.
	Colours bool
}

// Where the ports of the other kinds begin, if those of clients begin at 2181.
const (
	usualClient   = 2181
	usualQuorum   = 2888
	usualElection = 3888
	usualAdmin    = 8080

	lastPort = 65535
)

// Validate says what is wrong with the options, in terms of the command's flags.
func (o *Options) Validate() error {
	highest := lastPort - (usualAdmin - usualClient) - (o.Servers + o.Observers)
	switch {
	case o.Servers < 1:
		return fmt.Errorf("--servers %d: at least one server must vote", o.Servers)
	case o.Observers < 0:
		return fmt.Errorf("--observers %d is negative", o.Observers)
	case o.Servers+o.Observers > int(quorum.MaxSID):
		return fmt.Errorf("--servers %d and --observers %d: an ensemble has at most %d servers", o.Servers, o.Observers, quorum.MaxSID)
	case o.Port < 1 || o.Port > highest:
		return fmt.Errorf("--port %d: want a port from 1 to %d", o.Port, highest)
	case o.Restart < 0:
		return fmt.Errorf("--restart %v is negative", o.Restart)
	}
	return nil
}
