package datadir

import "path/filepath"

// A Layout is the pair of directories that the configuration names.
type Layout struct {
	Data string // dataDir
	Log  string // dataLogDir; often the same
}

// LogDir is the folder of the transaction log.
func (l Layout) LogDir() string { return filepath.Join(l.Log, "zabra-log") }

// StoreDir is the folder of the checkpoints.
func (l Layout) StoreDir() string { return filepath.Join(l.Data, "zabra-store") }

// RestoreMark is a file that exists while a restore replaces the checkpoint and
// the log. It holds the zxid of the checkpoint that is being restored, in
// decimal: a start that finds the checkpoint at that zxid has to forget the log.
func (l Layout) RestoreMark() string { return filepath.Join(l.Data, "zabra-restoring") }

// AcceptedEpoch and CurrentEpoch are the files of a member of an ensemble that hold, in
// decimal as ZooKeeper's do, the latest epoch it has promised and the latest whose
// history it has taken over.
func (l Layout) AcceptedEpoch() string { return filepath.Join(l.Data, "acceptedEpoch") }

// CurrentEpoch: see AcceptedEpoch.
func (l Layout) CurrentEpoch() string { return filepath.Join(l.Data, "currentEpoch") }

// Distrust is a file that exists while a member of an ensemble must not count on what
// its log and checkpoint hold: it fetches a snapshot from the leader first.
func (l Layout) Distrust() string { return filepath.Join(l.Data, "zabra-distrust") }

// ImportDir is a folder that exists while the data of another server is imported: what
// is here is not whole. (An import builds the log in a folder of that name below Log.)
func (l Layout) ImportDir() string { return filepath.Join(l.Data, "zabra-importing") }

// ZooKeeperDir is where Apache ZooKeeper has its files; Zabra does not use it.
func (l Layout) ZooKeeperDir() string { return filepath.Join(l.Data, "version-2") }
