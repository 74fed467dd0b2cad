package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/store"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
)

// A Report is what Verify found.
type Report struct {
	Dirs       datadir.Layout
	Log        *txnlog.Report
	Checkpoint *Checkpoint       // nil if there is none, or it cannot be read
	State      *State            // after the log; nil if it cannot be known
	Restoring  *wire.Zxid        // of a restore that the next start finishes or forgets
	Distrust   *datadir.Distrust // why a member must not count on all this; nil if it may
	Kept       []Kept            // damaged files that were put aside, the oldest first
	Damage     []Damage          // nothing is wrong if it is empty
	Notes      []string          // what an operator may wonder about
}

// A Checkpoint is the last complete one.
type Checkpoint struct {
	Number uint64 // counted from 1
	Zxid   wire.Zxid
	Nodes  int
	Bytes  int64 // of the store's files
}

// A State is what a server would start with.
type State struct {
	Zxid       wire.Zxid
	Nodes      int   // the root and the nodes below /zookeeper included
	DataBytes  int64 // of paths and data, as ZooKeeper counts approximate_data_size
	Sessions   int
	Ephemerals int
	Digest     uint64
	Replayed   int // transactions behind the checkpoint
}

// A Damage is something that was acknowledged and is not there, or cannot be
// trusted.
type Damage struct {
	File    string
	Offset  int64 // -1 if it has none
	Problem string
	Remedy  string
}

func (d Damage) String() string {
	at := ""
	if d.Offset >= 0 {
		at = fmt.Sprintf(" at offset %d", d.Offset)
	}
	return fmt.Sprintf("%s%s: %s; %s", d.File, at, d.Problem, d.Remedy)
}

// Verify checks the data of a server that is not running. The error is ErrRunning,
// or says why nothing could be checked; damage is no error.
func Verify(fsys vfs.FS, dirs datadir.Layout) (*Report, error) {
	l, err := Lock(fsys, dirs)
	if err != nil {
		return nil, err
	}
	defer unlock(l)
	v := &verifier{fs: fsys, Report: Report{Dirs: dirs}}
	for _, step := range []func() error{v.importing, v.healing, v.log, v.checkpoint, v.restoreMark, v.replay} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return &v.Report, nil
}

type verifier struct {
	Report
	fs   vfs.FS
	tree *datatree.Tree

	restoredNumber uint64 // of the checkpoint that goes with Restoring
}

func (v *verifier) damage(file string, offset int64, problem, remedy string) {
	v.Damage = append(v.Damage, Damage{file, offset, problem, remedy})
}

func (v *verifier) note(format string, args ...any) {
	v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
}

// importing looks for what an import that was interrupted has left.
func (v *verifier) importing() error {
	_, err := v.fs.Stat(v.Dirs.ImportDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	v.damage(v.Dirs.ImportDir(), -1, "an import has not finished", "remove what it has left, and import again")
	return nil
}

func (v *verifier) log() error {
	r, err := txnlog.Verify(v.fs, v.Dirs.LogDir())
	if err != nil {
		return err
	}
	v.Log = r
	for _, c := range r.Damage {
		v.damage(c.File, c.Offset, fmt.Sprintf("%s, after transaction %v", c.Reason, c.After), c.Remedy)
	}
	if r.Torn != nil {
		v.note("%v: was never acknowledged, the next start cuts it", r.Torn)
	}
	for _, file := range r.Void {
		v.note("%s: made void by a restore, the next start removes it", file)
	}
	return nil
}

const remedyStore = "if the log begins at 0x0, move this folder away: a start rebuilds it; otherwise restore a backup of it"

func (v *verifier) checkpoint() error {
	found, err := store.LoadOffline(v.Dirs.StoreDir(), datatree.Options{ExtendedTypes: true})
	var damaged *store.DamageError
	var other *store.FormatError
	switch {
	case errors.As(err, &other):
		v.damage(v.Dirs.StoreDir(), -1, fmt.Sprintf("the checkpoint has format %d", other.Found), "run the version of Zabra that wrote it")
		return nil
	case errors.As(err, &damaged):
		v.damage(v.Dirs.StoreDir(), -1, "the checkpoint cannot be read: "+damaged.Err.Error(), remedyStore)
		return nil
	case err != nil:
		return err
	case found.Tree == nil:
		v.tree = datatree.NewWith(datatree.Options{ExtendedTypes: true})
		return nil
	}
	v.tree = found.Tree
	v.Checkpoint = &Checkpoint{found.Number, v.tree.LastZxid(), v.tree.NodeCount(), found.Bytes}
	return nil
}

// restoreMark looks for what a restore that was interrupted has left.
func (v *verifier) restoreMark() error {
	text, err := vfs.ReadFile(v.fs, v.Dirs.RestoreMark(), datadir.MaxRestoring)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mark, err := datadir.ParseRestoring(text)
	if err != nil {
		v.damage(v.Dirs.RestoreMark(), 0, err.Error(), "remove it if no restore was running")
		return nil
	}
	at := mark.Zxid
	v.Restoring = &at
	v.restoredNumber = mark.Number
	if v.restored() {
		v.note("a restore to %v was interrupted behind its checkpoint: the next start forgets the log", at)
	} else {
		v.note("a restore to %v was interrupted before it took effect: the next start forgets it", at)
	}
	return nil
}

// restored reports whether the log is void because a restore is complete but for
// that.
func (v *verifier) restored() bool {
	return v.Restoring != nil && v.Checkpoint != nil && v.Checkpoint.Zxid == *v.Restoring && v.Checkpoint.Number == v.restoredNumber
}

// replay applies what is behind the checkpoint.
func (v *verifier) replay() error {
	if v.tree == nil {
		return v.decodeAll()
	}
	if v.restored() {
		v.state(0)
		return nil
	}
	if !v.joined() {
		return v.decodeAll()
	}
	base := v.tree.LastZxid()
	replayed := 0
	var check TreeCheck
	whole, err := v.eachTxn(func(txn *wire.Txn) {
		if txn.Header.Zxid <= base {
			return
		}
		replayed++
		res := v.tree.Apply(txn)
		check.Applied(v.tree, txn, &res, true)
	})
	if problem := check.Problem(); problem != "" {
		v.damage(v.Dirs.StoreDir(), -1, problem, remedyStore)
	}
	if whole {
		v.state(replayed)
	}
	return err
}

// joined checks that the log goes on from the checkpoint.
func (v *verifier) joined() bool {
	if len(v.Log.Segments) == 0 {
		if at := v.tree.LastZxid(); at > 0 && len(v.Log.Damage) == 0 {
			v.damage(v.Dirs.LogDir(), -1, fmt.Sprintf("there is no log, and the checkpoint stands at %v", at), remedyLog)
		}
		return false
	}
	at := v.tree.LastZxid()
	switch {
	case at < v.Log.Base:
		v.damage(v.Dirs.StoreDir(), -1, fmt.Sprintf("the checkpoint stands at %v and the log begins after %v: what lies between is missing", at, v.Log.Base), remedyLog)
		return false
	case at > v.Log.Last && len(v.Log.Damage) == 0:
		v.damage(v.Dirs.LogDir(), -1, fmt.Sprintf("the log ends at %v, before the checkpoint at %v", v.Log.Last, at), remedyLog)
		return false
	}
	return true
}

const remedyLog = "put the missing files back, or restore a backup of both folders"

func (v *verifier) decodeAll() error {
	if len(v.Log.Segments) == 0 {
		return nil
	}
	_, err := v.eachTxn(func(*wire.Txn) {})
	return err
}

// eachTxn calls f with every transaction of the log up to the first damage. It
// reports whether it saw all.
func (v *verifier) eachTxn(f func(*wire.Txn)) (whole bool, err error) {
	r, err := txnlog.ReadOnly(v.fs, v.Dirs.LogDir(), v.Log.Base)
	if err != nil {
		return false, ignoreDamage(err)
	}
	defer func() { _ = r.Close() }()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, ignoreDamage(err)
		}
		txn, err := wire.DecodeTxn(rec.Payload)
		if err == nil && txn.Header.Zxid != rec.Zxid {
			err = fmt.Errorf("it says that it is %v", txn.Header.Zxid)
		}
		if err != nil {
			v.damage(v.Dirs.LogDir(), -1, fmt.Sprintf("transaction %v: %v", rec.Zxid, err), "run the version of Zabra that wrote it")
			return false, nil
		}
		f(&txn)
	}
}

// ignoreDamage drops what txnlog.Verify has reported.
func ignoreDamage(err error) error {
	var c *txnlog.CorruptError
	if errors.As(err, &c) {
		return nil
	}
	return err
}

func (v *verifier) state(replayed int) {
	t := v.tree
	v.State = &State{
		Zxid: t.LastZxid(), Nodes: t.NodeCount(), DataBytes: t.DataSize(), Sessions: t.SessionCount(),
		Ephemerals: t.EphemeralCount(), Digest: t.Digest(), Replayed: replayed,
	}
}
