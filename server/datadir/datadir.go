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

// RestoreMark is a file that exists while a restore, or a snapshot of a leader, replaces
// the checkpoint and the log; see Restoring.
func (l Layout) RestoreMark() string { return filepath.Join(l.Data, "zabra-restoring") }

// AcceptedEpoch and CurrentEpoch are the files of a member of an ensemble that hold the
// latest epoch it has promised and the latest whose history it has taken over; see
// AppendEpoch.
func (l Layout) AcceptedEpoch() string { return filepath.Join(l.Data, "acceptedEpoch") }

// CurrentEpoch: see AcceptedEpoch.
func (l Layout) CurrentEpoch() string { return filepath.Join(l.Data, "currentEpoch") }

// Distrust is a file that exists while a member of an ensemble must not count on what
// its log and checkpoint hold: it fetches a snapshot from the leader first. The first
// word in it says why: fresh, moving or damaged.
func (l Layout) Distrust() string { return filepath.Join(l.Data, "zabra-distrust") }

// Decided is a file in which a member of an ensemble that serves read-only clients notes
// up to where its log is known to be decided.
func (l Layout) Decided() string { return filepath.Join(l.Data, "zabra-decided") }

// ImportDir is a folder that exists while the data of another server is imported: what
// is here is not whole. (An import builds the log in a folder of that name below Log.)
func (l Layout) ImportDir() string { return filepath.Join(l.Data, "zabra-importing") }

// Member is a file beside the log of a server that has been a member of an ensemble: a
// log beside which it stands, and whose epochs are gone, is of a member that forgot its
// promises, and not of a server that stood alone.
func (l Layout) Member() string { return filepath.Join(l.Log, "zabra-member") }

// Initialize is the file by which an operator says that an empty disk is right, as for
// Apache ZooKeeper (zkServer-initialize.sh). It is removed when it was seen.
func (l Layout) Initialize() string { return filepath.Join(l.Log, "initialize") }

// DamagedData and DamagedLog are the folders that keep what a member found damaged, one
// set of it; the same folder if there is one directory.
func (l Layout) DamagedData() string { return filepath.Join(l.Data, damagedName) }

// DamagedLog: see DamagedData.
func (l Layout) DamagedLog() string { return filepath.Join(l.Log, damagedName) }

const damagedName = "zabra-damaged"

// ZooKeeperDir is where Apache ZooKeeper has its files; Zabra does not use it.
func (l Layout) ZooKeeperDir() string { return filepath.Join(l.Data, "version-2") }
