package zkdata

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/zabra/zabra/wire"
)

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
