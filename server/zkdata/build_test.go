package zkdata

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/wire"
)

// A keeper writes directories as Apache ZooKeeper would.
type keeper struct {
	t    testing.TB
	dirs Dirs
	tree *datatree.Tree
	last wire.Zxid
	logs map[string][]byte // by path
	file string
	ends []int // of the records of the file
}

func newKeeper(t testing.TB) *keeper {
	dir := t.TempDir()
	k := &keeper{t: t, dirs: Dirs{Data: dir, Log: dir}, tree: datatree.NewWith(treeOptions), logs: map[string][]byte{}}
	k.ok(os.MkdirAll(k.dirs.SnapDir(), 0o755))
	return k
}

func (k *keeper) ok(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

// txn logs and applies a transaction with its digest.
func (k *keeper) txn(op wire.OpCode, body wire.Record) {
	k.t.Helper()
	next, _ := k.last.Next()
	k.txnAt(next, op, body)
}

func (k *keeper) txnAt(z wire.Zxid, op wire.OpCode, body wire.Record) {
	k.t.Helper()
	h := wire.TxnHeader{Session: 7, Zxid: z, Time: 1e12 + int64(z), Op: op}
	txn := wire.EncodeTxn(nil, h, body)
	k.tree.Apply(&txn)
	raw := wire.AppendInt(append([]byte{}, txn.Raw...), datatree.DigestVersion)
	k.log(z, wire.AppendLong(raw, int64(k.tree.Digest())))
}

// created is how many children the root will have had after the next.
func (k *keeper) created() int32 {
	root, _ := k.tree.Find("/")
	return k.tree.Stored(root).Cversion + 1
}

// log puts a payload into the log alone.
func (k *keeper) log(z wire.Zxid, payload []byte) {
	if k.file == "" {
		k.file = filepath.Join(k.dirs.LogDir(), fmt.Sprintf("log.%x", int64(z)))
		k.logs[k.file], k.ends = appendLogHeader(nil), nil
	}
	k.logs[k.file] = appendRecord(k.logs[k.file], payload)
	k.ends = append(k.ends, len(k.logs[k.file]))
	k.last = z
}

func (k *keeper) create(n int) {
	k.t.Helper()
	for range n {
		next := k.last + 1
		k.txn(wire.OpCreate, &wire.CreateTxn{Path: fmt.Sprintf("/n%x", int64(next)), Data: []byte("BdataB"), ACL: wire.WorldAnyone(31), ParentCversion: k.created()})
	}
}

// roll begins a new file, as a start does.
func (k *keeper) roll() { k.file = "" }

// snapshot writes one, plain or compressed, and rolls.
func (k *keeper) snapshot(pack packing) (path string) {
	k.t.Helper()
	var b bytes.Buffer
	k.ok(datatree.WriteSnapshot(&b, k.tree, datatree.File))
	path = filepath.Join(k.dirs.SnapDir(), fmt.Sprintf("snapshot.%x%s", int64(k.last), pack))
	k.ok(os.WriteFile(path, packed(b.Bytes(), pack), 0o644))
	k.roll()
	return path
}

func packed(b []byte, pack packing) []byte {
	switch pack {
	case gzipped:
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, err := z.Write(b)
		if err := errors.Join(err, z.Close()); err != nil {
			panic(err)
		}
		return out.Bytes()
	case snappied:
		return snappyFile(b, 32<<10)
	}
	return b
}

func snappyFile(b []byte, block int) []byte {
	out := []byte(snappyMagic + "\x00\x00\x00\x01\x00\x00\x00\x01")
	for len(b) > 0 {
		n := min(len(b), block)
		chunk := s2.EncodeSnappy(nil, b[:n])
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(chunk))), chunk...)
		b = b[n:]
	}
	return out
}

func (k *keeper) epochs(accepted, current int) {
	k.t.Helper()
	for name, n := range map[string]int{"acceptedEpoch": accepted, "currentEpoch": current} {
		k.ok(os.WriteFile(filepath.Join(k.dirs.SnapDir(), name), fmt.Append(nil, n), 0o644))
	}
}

// write writes the log files, with zeros behind them.
func (k *keeper) write() {
	k.t.Helper()
	for path, b := range k.logs {
		k.ok(os.WriteFile(path, append(b, make([]byte, 5000)...), 0o644))
	}
}

// standard is a history over several files, with two snapshots.
func standard(t testing.TB) *keeper {
	k := newKeeper(t)
	k.snapshot(plain)
	k.txn(wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 4000})
	k.create(50)
	k.snapshot(plain)
	k.create(30)
	k.roll()
	k.txn(wire.OpCreate, &wire.CreateTxn{Path: "/eph", Ephemeral: true, ACL: wire.WorldAnyone(31), ParentCversion: k.created()})
	k.txn(wire.OpCreateTTL, &wire.CreateTTLTxn{Path: "/ttl", ACL: wire.WorldAnyone(31), ParentCversion: k.created(), TTL: 100000})
	k.txn(wire.OpCreateContainer, &wire.CreateContainerTxn{Path: "/con", ACL: []wire.ACL{{Perms: 3, ID: wire.ID{Scheme: "digest", ID: "bob:x"}}}, ParentCversion: k.created()})
	k.txn(wire.OpError, &wire.ErrorTxn{Err: wire.NoNode})
	k.create(20)
	k.write()
	return k
}

func layoutIn(dir string) datadir.Layout { return datadir.Layout{Data: dir, Log: dir} }

// imported imports into a new directory and wants the tree of the keeper there.
func (k *keeper) imported() (datadir.Layout, *ImportReport) {
	k.t.Helper()
	to := layoutIn(filepath.Join(k.t.TempDir(), "new"))
	r, err := Import(k.t.Context(), osfs.FS{}, ImportOptions{From: k.dirs, To: to})
	k.ok(err)
	k.sound(to)
	if r.Zxid != k.last || r.Digest != k.tree.Digest() {
		k.t.Errorf("imported up to %v with digest %#x, want %v, %#x", r.Zxid, r.Digest, k.last, k.tree.Digest())
	}
	return to, r
}

// sound wants a Zabra directory with the tree of the keeper.
func (k *keeper) sound(dirs datadir.Layout) *inspect.Report {
	k.t.Helper()
	r, err := inspect.Verify(osfs.FS{}, dirs)
	k.ok(err)
	if len(r.Damage) > 0 || r.State == nil {
		k.t.Fatalf("damage %v, state %v", r.Damage, r.State)
	}
	if s := r.State; s.Zxid != k.last || s.Digest != k.tree.Digest() || s.Nodes != k.tree.NodeCount() || s.DataBytes != k.tree.DataSize() ||
		s.Sessions != k.tree.SessionCount() || s.Ephemerals != k.tree.EphemeralCount() {
		k.t.Errorf("state %+v, want zxid %v, digest %#x, %d nodes", s, k.last, k.tree.Digest(), k.tree.NodeCount())
	}
	return r
}

// refused wants an import that fails, names this, and leaves nothing.
func (k *keeper) refused(text string) error {
	k.t.Helper()
	parent := k.t.TempDir()
	_, err := Import(k.t.Context(), osfs.FS{}, ImportOptions{From: k.dirs, To: layoutIn(filepath.Join(parent, "a", "b"))})
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(text)) {
		k.t.Errorf("got %v, want an error with %q", err, text)
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		k.t.Errorf("a failed import left %v", left)
	}
	return err
}
