package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/txnlog"
)

// ErrRunning says that a server has the data open.
var ErrRunning = errors.New("a server is running on it: stop it first, or examine a copy of its directories")

// Lock checks that there is a log and keeps servers away from it until the lock is
// closed. It fails with ErrRunning if a server has the data open. The lock may
// be nil.
func Lock(fsys vfs.FS, dirs datadir.Layout) (io.Closer, error) {
	if info, err := fsys.Stat(dirs.LogDir()); err != nil || !info.Dir {
		return nil, noData(fsys, dirs, err)
	}
	l, err := txnlog.LockOffline(fsys, dirs.LogDir())
	if errors.Is(err, vfs.ErrLocked) {
		return nil, fmt.Errorf("%s: %w", dirs.LogDir(), ErrRunning)
	}
	return l, err
}

// noData says what is there instead of a log.
func noData(fsys vfs.FS, dirs datadir.Layout, err error) error {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if info, err := fsys.Stat(dirs.ZooKeeperDir()); err == nil && info.Dir {
		return fmt.Errorf("%s holds data of Apache ZooKeeper, not of Zabra", dirs.Data)
	}
	if info, err := fsys.Stat(dirs.StoreDir()); err == nil && info.Dir {
		return fmt.Errorf("%s is missing, and the checkpoint in %s is not enough: give the directory of the log (--dataLogDir) if it is elsewhere",
			dirs.LogDir(), dirs.StoreDir())
	}
	return fmt.Errorf("%s holds no data of Zabra: it has no folder %s", dirs.Data, dirs.LogDir())
}

func unlock(l io.Closer) {
	if l != nil {
		_ = l.Close() // nothing was written under it
	}
}
