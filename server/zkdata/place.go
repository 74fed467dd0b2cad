package zkdata

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
)

// A place is where an import puts what it makes.
type place struct {
	fs    vfs.FS
	to    datadir.Layout
	build datadir.Layout // below to, with the same structure
	made  []string       // directories and files to remove if the import fails, oldest first
}

// takePlace checks that nothing is there that could be harmed, and makes the folder in
// which everything is built.
func takePlace(fsys vfs.FS, to datadir.Layout, from Dirs) (*place, error) {
	p := &place{fs: fsys, to: to, build: datadir.Layout{Data: to.ImportDir(), Log: datadir.Layout{Data: to.Log}.ImportDir()}}
	for _, d := range []struct {
		dir    string
		beside []string
	}{{to.Data, []string{from.Data, from.Log}}, {to.Log, []string{from.Data, from.Log}}} {
		if err := free(fsys, d.dir, d.beside, to); err != nil {
			return nil, err
		}
	}
	for _, dir := range slices.Compact([]string{to.Data, to.Log, p.build.Data, p.build.Log}) {
		if err := p.mkdir(dir); err != nil {
			return nil, errors.Join(err, p.clear())
		}
	}
	return p, nil
}

// free checks that a directory is empty, or one of ZooKeeper's that is imported and has
// nothing of Zabra's.
func free(fsys vfs.FS, dir string, beside []string, to datadir.Layout) error {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	inPlace := slices.ContainsFunc(beside, func(b string) bool { return filepath.Clean(b) == filepath.Clean(dir) })
	for _, name := range names {
		path := filepath.Join(dir, name)
		switch {
		case path == to.ImportDir():
			return &PlaceError{dir, "holds an import that did not finish: remove " + path + ", and what of " + leftovers + " is there, and import again"}
		case slices.Contains(ours(to), path):
			return &PlaceError{dir, "holds data of a Zabra server (" + name + "): import into another directory, or move that away first"}
		case name != "lost+found" && !inPlace:
			return &PlaceError{dir, "is not empty (" + name + "): import into an empty directory, or into ZooKeeper's own"}
		}
	}
	return nil
}

const leftovers = "zabra-store, zabra-log, zabra-member, acceptedEpoch and currentEpoch"

// ours are the paths of what a Zabra server has in its directories, myid aside.
func ours(l datadir.Layout) []string {
	return []string{l.StoreDir(), l.LogDir(), l.AcceptedEpoch(), l.CurrentEpoch(), l.Distrust(), l.RestoreMark(), l.Member()}
}

// mkdir makes a directory and those above it.
func (p *place) mkdir(dir string) error {
	if isDir(p.fs, dir) {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := p.mkdir(parent); err != nil {
			return err
		}
	}
	p.made = append(p.made, dir)
	return p.fs.MkdirAll(dir)
}

// finish puts everything in its place. Until the last step a server refuses to start.
func (p *place) finish(e *epochs, myid []byte) error {
	name := myidFile(p.to.Data)
	if _, err := p.fs.Stat(name); myid != nil && errors.Is(err, fs.ErrNotExist) {
		p.made = append(p.made, name)
		if err := vfs.WriteFileAtomic(p.fs, name, myid); err != nil {
			return err
		}
	}
	if err := p.move(p.build.StoreDir(), p.to.StoreDir()); err != nil {
		return err
	}
	p.made = append(p.made, p.to.AcceptedEpoch(), p.to.CurrentEpoch())
	if err := e.write(p.fs, p.to.AcceptedEpoch(), p.to.CurrentEpoch(), datadir.AppendEpoch); err != nil {
		return err
	}
	if e.member() {
		p.made = append(p.made, p.to.Member())
		if err := vfs.WriteFileAtomic(p.fs, p.to.Member(), nil); err != nil {
			return err
		}
	}
	if err := p.move(p.build.LogDir(), p.to.LogDir()); err != nil {
		return err
	}
	return p.unmark()
}

func (p *place) move(from, to string) error {
	p.made = append(p.made, to)
	if err := p.fs.Rename(from, to); err != nil {
		return err
	}
	return p.fs.SyncDir(filepath.Dir(to))
}

// unmark removes the folder in which everything was built; the one in the directory of
// the data, which a server looks for, last.
func (p *place) unmark() error {
	for _, dir := range slices.Compact([]string{p.build.Log, p.build.Data}) {
		if err := removeTree(p.fs, dir); err != nil {
			return err
		}
		if err := p.fs.SyncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	return nil
}

// clear removes what an import that failed has made.
func (p *place) clear() error {
	var failed error
	for _, path := range slices.Backward(p.made) {
		if err := removeTree(p.fs, path); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// removeTree removes a file or a directory with all that is in it.
func removeTree(fsys vfs.FS, path string) error {
	info, err := fsys.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Dir {
		names, err := fsys.List(path)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := removeTree(fsys, filepath.Join(path, name)); err != nil {
				return err
			}
		}
	}
	return fsys.Remove(path)
}
