package zkdata

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/zabra/zabra/wire"
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

// WriteJSON writes the report as one JSON object. Zxids and digests are strings in
// hexadecimal, because numbers of 64 bits do not survive every reader.
func (r *ImportReport) WriteJSON(w io.Writer) error {
	j := importJSON{
		Snapshot: r.Snapshot, SnapshotZxid: r.SnapshotZxid.String(), LogFiles: r.LogFiles, Applied: r.Applied, Doubles: r.Doubles,
		DataDir: r.To.Data, LogDir: r.To.Log, Checkpoint: r.Checkpoint.String(), LogBase: r.LogBase.String(), Txns: r.Txns,
		Compared: r.Compared, Differed: r.Differed,
		State: stateForm(&r.State), Epochs: epochsForm(r.Epochs), Notes: append([]string{}, r.Notes...), Torn: []tornJSON{},
	}
	for _, t := range r.Torn {
		j.Torn = append(j.Torn, tornJSON{t.File, t.Offset, t.Bytes})
	}
	return writeJSON(w, &j)
}

// WriteJSON writes the report as one JSON object, like the other.
func (r *ExportReport) WriteJSON(w io.Writer) error {
	return writeJSON(w, &exportJSON{
		Snapshot: r.Snapshot, SnapshotZxid: r.SnapshotZxid.String(), DataDir: r.To.Data, LogDir: r.To.Log,
		LogFiles: r.LogFiles, Txns: r.Txns, Applied: r.Applied,
		State: stateForm(&r.State), Epochs: epochsForm(r.Epochs), Notes: append([]string{}, r.Notes...),
	})
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

type importJSON struct {
	Snapshot     string      `json:"snapshot"`
	SnapshotZxid string      `json:"snapshot_zxid"`
	LogFiles     int         `json:"log_files_read"`
	Applied      int         `json:"applied"` // transactions behind the snapshot
	Doubles      int         `json:"logged_twice"`
	Torn         []tornJSON  `json:"torn"`
	Compared     int         `json:"digests_compared"`
	Differed     int         `json:"digests_differed"`
	DataDir      string      `json:"data_dir"`
	LogDir       string      `json:"data_log_dir"`
	Checkpoint   string      `json:"checkpoint"`
	LogBase      string      `json:"log_after"`
	Txns         int         `json:"transactions"`
	Epochs       *epochsJSON `json:"epochs"`
	State        stateJSON   `json:"state"`
	Notes        []string    `json:"notes"`
}

type exportJSON struct {
	Snapshot     string      `json:"snapshot"`
	SnapshotZxid string      `json:"snapshot_zxid"`
	DataDir      string      `json:"data_dir"`
	LogDir       string      `json:"data_log_dir"`
	LogFiles     int         `json:"log_files"`
	Txns         int         `json:"transactions"`
	Applied      int         `json:"behind_snapshot"`
	Epochs       *epochsJSON `json:"epochs"`
	State        stateJSON   `json:"state"`
	Notes        []string    `json:"notes"`
}

type tornJSON struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Bytes  int64  `json:"bytes"`
}

type epochsJSON struct {
	Accepted wire.Epoch `json:"accepted"`
	Current  wire.Epoch `json:"current"`
}

type stateJSON struct {
	Zxid       string `json:"zxid"`
	Nodes      int    `json:"nodes"`
	DataBytes  int64  `json:"data_bytes"`
	Sessions   int    `json:"sessions"`
	Ephemerals int    `json:"ephemerals"`
	TTLs       int    `json:"ttl_nodes"`
	Digest     string `json:"digest"`
}

func stateForm(s *State) stateJSON {
	return stateJSON{s.Zxid.String(), s.Nodes, s.DataBytes, s.Sessions, s.Ephemerals, s.TTLs, fmt.Sprintf("%#x", s.Digest)}
}

func epochsForm(e *Epochs) *epochsJSON {
	if e == nil {
		return nil
	}
	return &epochsJSON{e.Accepted, e.Current}
}
