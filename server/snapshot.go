package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/admin"
	"github.com/zabra/zabra/server/pipeline"
	"go.uber.org/zap"
)

// takeSnapshot writes the tree, as of now, into the data directory as a
// snapshot file of ZooKeeper's, while the server goes on, and opens it.
func (d *data) takeSnapshot(ctx context.Context, core *pipeline.Core) (admin.SnapshotFile, error) {
	d.snapshotting.Lock()
	defer d.snapshotting.Unlock()
	d.pruneSnapshots() // what a process left that was killed has the name we need
	var snap *datatree.Snapshot
	core.Exclusive(func(t *datatree.Tree) { snap = t.Snapshot(datatree.File) })
	defer core.Exclusive(func(*datatree.Tree) { snap.Close() })
	name := filepath.Join(d.cfg.DataDir, fmt.Sprintf(snapshotPrefix+"%x", int64(snap.Zxid())))
	size, err := d.writeSnapshot(ctx, core, snap, name+unfinished)
	if err == nil {
		err = d.fs.Rename(name+unfinished, name)
	}
	if err == nil {
		err = d.fs.SyncDir(d.cfg.DataDir)
	}
	d.pruneSnapshots() // also after an error: the disk may be full
	if err != nil {
		return admin.SnapshotFile{}, fmt.Errorf("server: snapshot %s: %w", name, err)
	}
	f, err := d.fs.Open(name)
	if err != nil {
		return admin.SnapshotFile{}, fmt.Errorf("server: snapshot %s: %w", name, err)
	}
	return admin.SnapshotFile{ReadCloser: readCloser{io.NewSectionReader(f, 0, size), f}, Zxid: snap.Zxid(), Size: size}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// writeSnapshot writes and syncs the file.
func (d *data) writeSnapshot(ctx context.Context, core *pipeline.Core, snap *datatree.Snapshot, name string) (size int64, err error) {
	f, err := d.fs.Create(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for ctx.Err() == nil {
		var part []byte
		core.View(func(*datatree.Tree) { part = snap.Step(scanStep) })
		if part == nil {
			return size, f.Sync()
		}
		if _, err := f.WriteAt(part, size); err != nil {
			return 0, err
		}
		size += int64(len(part))
	}
	return 0, ctx.Err()
}

const (
	snapshotPrefix = "snapshot."
	unfinished     = ".tmp" // behind the name of one that is being written
	keptSnapshots  = 3      // as many as ZooKeeper retains at least
)

// pruneSnapshots removes all but the newest snapshots that the command left in
// the data directory, and those that were not finished. None is being written.
func (d *data) pruneSnapshots() {
	names, err := d.fs.List(d.cfg.DataDir)
	if err != nil {
		d.zap.Warn("old snapshots were not looked at", zap.Error(err))
		return
	}
	zxids := map[string]int64{}
	var found, remove []string
	for _, name := range names {
		hex, ok := strings.CutPrefix(name, snapshotPrefix)
		hex, partial := strings.CutSuffix(hex, unfinished)
		z, err := strconv.ParseInt(hex, 16, 64)
		switch {
		case !ok || err != nil:
		case partial:
			remove = append(remove, name)
		default:
			zxids[name] = z
			found = append(found, name)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(zxids[b], zxids[a]) })
	for _, name := range append(remove, found[min(len(found), keptSnapshots):]...) {
		if err := d.fs.Remove(filepath.Join(d.cfg.DataDir, name)); err != nil {
			d.zap.Warn("an old snapshot was not removed", zap.Error(err))
		}
	}
}
