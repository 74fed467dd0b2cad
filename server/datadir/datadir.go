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

// ZooKeeperDir is where Apache ZooKeeper has its files; Zabra does not use it.
func (l Layout) ZooKeeperDir() string { return filepath.Join(l.Data, "version-2") }
