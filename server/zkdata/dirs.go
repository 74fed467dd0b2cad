package zkdata

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// Dirs are the directories that a zoo.cfg of ZooKeeper names.
type Dirs struct {
	Data string // dataDir
	Log  string // dataLogDir; often the same
}

const (
	versionDir     = "version-2"
	snapshotPrefix = "snapshot."
	logPrefix      = "log."
)

// SnapDir is the folder of the snapshots and the epochs.
func (d Dirs) SnapDir() string { return filepath.Join(d.Data, versionDir) }

// LogDir is the folder of the log.
func (d Dirs) LogDir() string { return filepath.Join(d.Log, versionDir) }

func myidFile(dataDir string) string { return filepath.Join(dataDir, "myid") }

// epochFiles are the paths of acceptedEpoch and currentEpoch.
func (d Dirs) epochFiles() (accepted, current string) {
	return filepath.Join(d.SnapDir(), "acceptedEpoch"), filepath.Join(d.SnapDir(), "currentEpoch")
}

// A numbered file has a zxid in its name.
type numbered struct {
	path string
	zxid wire.Zxid
	pack packing
}

// A packing is how a file is compressed.
type packing string

const (
	plain    packing = ""
	gzipped  packing = ".gz"
	snappied packing = ".snappy"
)

// snapshots returns the snapshot files, newest first.
func (d Dirs) snapshots(fsys vfs.FS) ([]numbered, error) {
	list, err := listNumbered(fsys, d.SnapDir(), snapshotPrefix, plain, gzipped, snappied)
	slices.Reverse(list)
	return list, err
}

// logs returns the log files, oldest first.
func (d Dirs) logs(fsys vfs.FS) ([]numbered, error) {
	return listNumbered(fsys, d.LogDir(), logPrefix, plain)
}

// listNumbered returns the files in dir whose names are the prefix, a zxid and one of
// the suffixes. Others, such as those that were not finished (.tmp), are not looked at.
func listNumbered(fsys vfs.FS, dir, prefix string, suffixes ...packing) ([]numbered, error) {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []numbered
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		for _, suffix := range suffixes {
			hex := strings.TrimSuffix(rest, string(suffix))
			z, err := strconv.ParseInt(hex, 16, 64)
			if err == nil && z >= 0 && hex+string(suffix) == rest {
				list = append(list, numbered{filepath.Join(dir, name), wire.Zxid(z), suffix})
			}
		}
	}
	slices.SortFunc(list, func(a, b numbered) int {
		return cmp.Or(cmp.Compare(a.zxid, b.zxid), cmp.Compare(a.path, b.path))
	})
	return list, nil
}

// check says what is wrong if these are not ZooKeeper's directories.
func (d Dirs) check(fsys vfs.FS) error {
	if isDir(fsys, d.SnapDir()) {
		return nil
	}
	switch _, err := fsys.Stat(d.Data); {
	case err != nil:
		return err
	case filepath.Base(filepath.Clean(d.Data)) == versionDir:
		return &PlaceError{d.Data, fmt.Sprintf("is the folder inside ZooKeeper's dataDir: give the directory above it, %s", filepath.Dir(filepath.Clean(d.Data)))}
	}
	return &PlaceError{d.Data, "is not ZooKeeper's dataDir: it has no folder " + versionDir}
}

func isDir(fsys vfs.FS, dir string) bool {
	info, err := fsys.Stat(dir)
	return err == nil && info.Dir
}
