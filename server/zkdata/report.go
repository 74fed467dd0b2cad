package zkdata

import (
	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/wire"
)

// A State is what a server starts with.
type State struct {
	Zxid       wire.Zxid
	Nodes      int   // the root and the nodes below /zookeeper included
	DataBytes  int64 // of paths and data, as ZooKeeper counts approximate_data_size
	Sessions   int
	Ephemerals int
	TTLs       int // nodes with a time to live
	Digest     uint64
}

func stateOf(t *datatree.Tree) State {
	return State{
		Zxid: t.LastZxid(), Nodes: t.NodeCount(), DataBytes: t.DataSize(), Sessions: t.SessionCount(),
		Ephemerals: t.EphemeralCount(), TTLs: t.TTLCount(), Digest: t.Digest(),
	}
}

// An ImportReport says what was imported.
type ImportReport struct {
	From Dirs
	To   datadir.Layout

	Snapshot     string    // the file that was loaded
	SnapshotZxid wire.Zxid // in its name
	LogFiles     int       // that were read
	Torn         []*TornTail
	Doubles      int // transactions that were logged twice
	Applied      int // transactions behind the snapshot

	Checkpoint wire.Zxid // of the checkpoint that was written
	LogBase    wire.Zxid // before the first transaction of the log
	Txns       int       // in the log
	Epochs     *Epochs   // nil if the server stood alone

	Compared, Differed int // digests
	State
	Notes []string // what an operator may wonder about
}

// An ExportReport says what was exported.
type ExportReport struct {
	From datadir.Layout
	To   Dirs

	Snapshot     string // the file that was written
	SnapshotZxid wire.Zxid
	LogFiles     int
	Txns         int // in the log, those before the snapshot included
	Applied      int // behind the snapshot
	Epochs       *Epochs
	State
	Notes []string
}
