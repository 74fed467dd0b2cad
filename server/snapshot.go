package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/admin"
	"github.com/zabra/zabra/server/pipeline"
)

// takeSnapshot writes the tree, as of now, into the data directory as a
// snapshot file of ZooKeeper's, while the server goes on, and opens it.
func (d *data) takeSnapshot(ctx context.Context, core *pipeline.Core) (admin.SnapshotFile, error) {
	var snap *datatree.Snapshot
	core.Exclusive(func(t *datatree.Tree) { snap = t.Snapshot(datatree.File) })
	defer core.Exclusive(func(*datatree.Tree) { snap.Close() })
	name := filepath.Join(d.cfg.DataDir, fmt.Sprintf("snapshot.%x", int64(snap.Zxid())))
	size, err := d.writeSnapshot(ctx, core, snap, name+".tmp")
	if err == nil {
		err = d.fs.Rename(name+".tmp", name)
	}
	if err == nil {
		err = d.fs.SyncDir(d.cfg.DataDir)
	}
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
