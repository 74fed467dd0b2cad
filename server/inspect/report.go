package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/zabra/zabra/server/txnlog"
)

// WriteText writes the report for a person.
func (r *Report) WriteText(w io.Writer) error {
	p := &printer{w: w}
	p.log(r)
	p.checkpoint(r)
	p.state(r)
	for _, n := range r.Notes {
		p.printf("note        %s\n", n)
	}
	for _, d := range r.Damage {
		p.printf("damage      %v\n", d)
	}
	if len(r.Damage) == 0 {
		p.printf("sound       a start finds everything that was acknowledged\n")
	}
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) log(r *Report) {
	p.printf("log         %s\n", r.Dirs.LogDir())
	for _, s := range r.Log.Segments {
		p.printf("  %-22s  %s, %s of %s\n", filepath.Base(s.File), span(&s), bytesText(s.Used), bytesText(s.Size))
	}
}

func span(s *txnlog.SegmentReport) string {
	if s.Records == 0 {
		return fmt.Sprintf("no transactions, after %v", s.Before)
	}
	return fmt.Sprintf("%v to %v, %d transactions", s.First(), s.Last, s.Records)
}

func (p *printer) checkpoint(r *Report) {
	p.printf("checkpoint  %s\n", r.Dirs.StoreDir())
	if c := r.Checkpoint; c != nil {
		p.printf("  number %d, zxid %v, %d nodes, %s\n", c.Number, c.Zxid, c.Nodes, bytesText(c.Bytes))
	} else {
		p.printf("  none that can be read\n")
	}
}

func (p *printer) state(r *Report) {
	s := r.State
	if s == nil {
		return
	}
	p.printf("state       zxid %v, after %d transactions behind the checkpoint\n", s.Zxid, s.Replayed)
	p.printf("  %d nodes, %d of them ephemeral; %s of paths and data; %d sessions; digest %#x\n",
		s.Nodes, s.Ephemerals, bytesText(s.DataBytes), s.Sessions, s.Digest)
}

// bytesText prints a size in the unit in which it has few digits.
func bytesText(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// WriteJSON writes the report as one JSON object. Zxids and digests are strings
// in hexadecimal, because numbers of 64 bits do not survive every reader.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r.jsonForm())
}

type reportJSON struct {
	Sound      bool            `json:"sound"`
	LogDir     string          `json:"log_dir"`
	StoreDir   string          `json:"store_dir"`
	Segments   []segmentJSON   `json:"segments"`
	Checkpoint *checkpointJSON `json:"checkpoint"`
	State      *stateJSON      `json:"state"`
	Restoring  string          `json:"restoring,omitempty"`
	Distrust   *distrustJSON   `json:"distrust,omitempty"`
	Kept       []keptJSON      `json:"kept"`
	Notes      []string        `json:"notes"`
	Damage     []damageJSON    `json:"damage"`
}

type segmentJSON struct {
	File    string `json:"file"`
	First   string `json:"first,omitempty"`
	Last    string `json:"last,omitempty"`
	After   string `json:"after"`
	Records uint64 `json:"transactions"`
	Used    int64  `json:"used_bytes"`
	Size    int64  `json:"bytes"`
}

type checkpointJSON struct {
	Number uint64 `json:"number"`
	Zxid   string `json:"zxid"`
	Nodes  int    `json:"nodes"`
	Bytes  int64  `json:"bytes"`
}

type stateJSON struct {
	Zxid       string `json:"zxid"`
	Nodes      int    `json:"nodes"`
	DataBytes  int64  `json:"data_bytes"`
	Sessions   int    `json:"sessions"`
	Ephemerals int    `json:"ephemerals"`
	Digest     string `json:"digest"`
	Replayed   int    `json:"replayed"`
}

type distrustJSON struct {
	Why    string `json:"why"`
	Reason string `json:"reason"`
}

type keptJSON struct {
	Dirs   []string `json:"dirs"`
	Reason string   `json:"reason"`
	Bytes  int64    `json:"bytes"`
	Healed bool     `json:"healed"`
}

type damageJSON struct {
	File    string `json:"file"`
	Offset  *int64 `json:"offset,omitempty"`
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

func (r *Report) jsonForm() reportJSON {
	j := reportJSON{
		Sound: len(r.Damage) == 0, LogDir: r.Dirs.LogDir(), StoreDir: r.Dirs.StoreDir(),
		Segments: []segmentJSON{}, Notes: append([]string{}, r.Notes...), Damage: []damageJSON{}, Kept: []keptJSON{},
	}
	for _, s := range r.Log.Segments {
		seg := segmentJSON{File: s.File, After: s.Before.String(), Records: s.Records, Used: s.Used, Size: s.Size}
		if s.Records > 0 {
			seg.First, seg.Last = s.First().String(), s.Last.String()
		}
		j.Segments = append(j.Segments, seg)
	}
	if c := r.Checkpoint; c != nil {
		j.Checkpoint = &checkpointJSON{c.Number, c.Zxid.String(), c.Nodes, c.Bytes}
	}
	if s := r.State; s != nil {
		j.State = &stateJSON{s.Zxid.String(), s.Nodes, s.DataBytes, s.Sessions, s.Ephemerals, fmt.Sprintf("%#x", s.Digest), s.Replayed}
	}
	if r.Restoring != nil {
		j.Restoring = r.Restoring.String()
	}
	if d := r.Distrust; d != nil {
		j.Distrust = &distrustJSON{string(d.Why), d.Text}
	}
	for _, k := range r.Kept {
		j.Kept = append(j.Kept, keptJSON(k))
	}
	for _, d := range r.Damage {
		dj := damageJSON{File: d.File, Problem: d.Problem, Remedy: d.Remedy}
		if d.Offset >= 0 {
			dj.Offset = &d.Offset
		}
		j.Damage = append(j.Damage, dj)
	}
	return j
}
