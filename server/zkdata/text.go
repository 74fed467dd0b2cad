package zkdata

import (
	"fmt"
	"io"
)

// WriteText writes the report for a person.
func (r *ImportReport) WriteText(w io.Writer) error {
	p := &printer{w: w}
	p.line("snapshot", "%s, zxid %v", r.Snapshot, r.SnapshotZxid)
	p.line("log", "%d transactions behind the snapshot, in %d files", r.Applied, r.LogFiles)
	for _, n := range r.Notes {
		p.line("note", "%s", n)
	}
	if r.Doubles > 0 {
		p.line("note", "%d transactions were logged twice; the first counts", r.Doubles)
	}
	if r.Compared > 0 {
		p.line("digests", "%d compared, the last one is right", r.Compared)
	} else {
		p.line("digests", "none that could be compared")
	}
	p.line("written", "%s: checkpoint at %v, %d transactions after %v in the log", r.To.Data, r.Checkpoint, r.Txns, r.LogBase)
	p.epochs(r.Epochs)
	p.state(&r.State)
	return p.err
}

// WriteText writes the report for a person.
func (r *ExportReport) WriteText(w io.Writer) error {
	p := &printer{w: w}
	p.line("snapshot", "%s", r.Snapshot)
	p.line("log", "%d transactions in %d files in %s, %d of them behind the snapshot", r.Txns, r.LogFiles, r.To.LogDir(), r.Applied)
	for _, n := range r.Notes {
		p.line("note", "%s", n)
	}
	p.epochs(r.Epochs)
	p.state(&r.State)
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(what, format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, "%-10s  %s\n", what, fmt.Sprintf(format, args...))
	}
}

func (p *printer) epochs(e *Epochs) {
	if e == nil {
		p.line("epochs", "none: the server stood alone")
	} else {
		p.line("epochs", "accepted %d, current %d", e.Accepted, e.Current)
	}
}

func (p *printer) state(s *State) {
	p.line("state", "zxid %v, %d nodes, %d of them ephemeral; %d bytes of paths and data; %d sessions; digest %#x",
		s.Zxid, s.Nodes, s.Ephemerals, s.DataBytes, s.Sessions, s.Digest)
}
