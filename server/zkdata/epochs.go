package zkdata

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// epochs are what a member of an ensemble has promised; nil if there is no such file.
type epochs struct {
	dir               string
	accepted, current *wire.Epoch
}

// Epochs are the two epochs of a member of an ensemble.
type Epochs struct{ Accepted, Current wire.Epoch }

func readEpochs(fsys vfs.FS, d Dirs) (*epochs, error) {
	accepted, current := d.epochFiles()
	return readEpochFiles(fsys, accepted, current, readEpoch)
}

// readOwnEpochs reads those of a Zabra server.
func readOwnEpochs(fsys vfs.FS, l datadir.Layout) (*epochs, error) {
	return readEpochFiles(fsys, l.AcceptedEpoch(), l.CurrentEpoch(), readOwnEpoch)
}

func readEpochFiles(fsys vfs.FS, accepted, current string, read func(vfs.FS, string) (*wire.Epoch, error)) (*epochs, error) {
	e := &epochs{dir: filepath.Dir(accepted)}
	var err error
	if e.accepted, err = read(fsys, accepted); err != nil {
		return nil, err
	}
	e.current, err = read(fsys, current)
	return e, err
}

func readOwnEpoch(fsys vfs.FS, name string) (*wire.Epoch, error) {
	text, err := vfs.ReadFile(fsys, name, datadir.MaxEpochFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e, err := datadir.ParseEpoch(text)
	if err != nil {
		return nil, &DamageError{name, 0, fmt.Sprintf("it holds %.40q: %v", text, err), "export from another member of the ensemble"}
	}
	return &e, nil
}

func readEpoch(fsys vfs.FS, name string) (*wire.Epoch, error) {
	n, found, err := readNumber(fsys, name, 31)
	if err != nil || !found {
		return nil, err
	}
	e := wire.Epoch(n)
	return &e, nil
}

// readNumber reads a file that holds one number of so many bits.
func readNumber(fsys vfs.FS, name string, bits int) (n uint64, found bool, err error) {
	text, err := vfs.ReadFile(fsys, name, 64)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	n, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, bits)
	if err != nil {
		return 0, false, &DamageError{name, 0, fmt.Sprintf("it holds %.40q and should hold one number", text),
			"put back the file as it was, or import the directory of another member of the ensemble"}
	}
	return n, true, nil
}

// member reports whether the data is that of a member of an ensemble.
func (e *epochs) member() bool { return e.accepted != nil || e.current != nil }

// recover checks that a start accepts the epochs, and takes those that it would. Of a
// server that stands alone they stay nil.
func (e *epochs) recover(base, last, tree wire.Zxid, report **Epochs) error {
	if !e.member() {
		return nil
	}
	state, err := zab.Recover(zab.Disk{AcceptedEpoch: e.accepted, CurrentEpoch: e.current, Base: base, Last: last, Tree: tree})
	var refused *zab.DiskError
	if errors.As(err, &refused) {
		return &DamageError{e.dir, -1, refused.Reason, "import the directory of another member of the ensemble"}
	}
	if err != nil {
		return err
	}
	e.accepted, e.current = &state.AcceptedEpoch, &state.CurrentEpoch
	*report = &Epochs{state.AcceptedEpoch, state.CurrentEpoch}
	return nil
}

// zooKeeperEpoch is how ZooKeeper writes an epoch.
func zooKeeperEpoch(b []byte, e wire.Epoch) []byte { return strconv.AppendInt(b, int64(e), 10) }

// write writes the files under these names, the accepted epoch first.
func (e *epochs) write(fsys vfs.FS, accepted, current string, format func([]byte, wire.Epoch) []byte) error {
	for _, f := range []struct {
		name  string
		epoch *wire.Epoch
	}{{accepted, e.accepted}, {current, e.current}} {
		if f.epoch == nil {
			continue
		}
		if err := vfs.WriteFileAtomic(fsys, f.name, format(nil, *f.epoch)); err != nil {
			return err
		}
	}
	return nil
}

// readMyid returns the number of a member; nil if there is none.
func readMyid(fsys vfs.FS, dir string) ([]byte, error) {
	n, found, err := readNumber(fsys, myidFile(dir), 63)
	if err != nil || !found {
		return nil, err
	}
	return append(strconv.AppendUint(nil, n, 10), '\n'), nil
}
