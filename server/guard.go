package server

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/wire"
)

// guard refuses to start where starting would look like success and hide that
// data is missing: before anything is made in the directories.
func (d *data) guard() error {
	dirs := layoutOf(d.cfg)
	if err := d.guardImport(dirs.ImportDir()); err != nil {
		return err
	}
	logs, err := d.holds(dirs.LogDir(), "log.", "log.lock", "log.prealloc")
	if err != nil {
		return err
	}
	store, err := d.holds(dirs.StoreDir(), "")
	if err != nil {
		return err
	}
	d.empty = !logs && !store
	if d.cfg.Ensemble.Distributed && d.distrusted().why == none {
		if err := d.checkEpochs(); err != nil {
			return err
		}
	}
	if logs {
		return nil
	}
	if store {
		return lost("%s holds a checkpoint, but %s holds no log: transactions may be missing that were acknowledged; "+
			"put the log files back, or move both folders away to start with nothing", dirs.StoreDir(), dirs.LogDir())
	}
	if d.cfg.Ensemble.Distributed && d.distrusted().why != none {
		return nil // Zabra has been here: a leader fills it again
	}
	return d.guardZooKeeper(dirs.ZooKeeperDir())
}

// guardImport refuses to start on what an import has not finished.
func (d *data) guardImport(dir string) error {
	switch _, err := d.fs.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("server: %w", err)
	}
	return fmt.Errorf("server: %s holds an import that has not finished: if it was interrupted, remove %s and what else of Zabra's it has left there "+
		"(zabra-store, zabra-log, zabra-member, acceptedEpoch, currentEpoch), and run zabra import again", d.cfg.DataDir, dir)
}

// guardZooKeeper refuses to start with nothing on top of ZooKeeper's own data.
func (d *data) guardZooKeeper(dir string) error {
	for _, prefix := range []string{"snapshot.", "log."} {
		found, err := d.holds(dir, prefix)
		if err != nil {
			return err
		}
		if found {
			home := filepath.Dir(dir)
			return fmt.Errorf("server: %s holds Apache ZooKeeper's data, and Zabra has none of its own there yet: "+
				"to take the data over, run zabra import --from %s --to %s (docs/migrating-from-zookeeper.md); "+
				"to start with nothing, move %s away", dir, home, home, dir)
		}
	}
	return nil
}

// guardOlder refuses to start on what Zabra had before Apache ZooKeeper took the
// directory over again: the server would have forgotten what it acknowledged since.
func (d *data) guardOlder() error {
	last := d.log.Last()
	if last == 0 || d.distrusted().why != none {
		return nil
	}
	dirs := layoutOf(d.cfg)
	for _, home := range []string{dirs.Data, dirs.Log} {
		dir := datadir.Layout{Data: home}.ZooKeeperDir()
		newest, err := d.newest(dir)
		if err != nil {
			return err
		}
		if newest > last {
			return fmt.Errorf("%s goes on to %v, and Zabra's own data ends at %v: it is older than Apache ZooKeeper's; move zabra-store, zabra-log, zabra-member, "+
				"acceptedEpoch and currentEpoch away and run zabra import, or move %s away if Zabra's data is the right one", dir, newest, last, dir)
		}
	}
	return nil
}

// newest is the highest zxid in a name of ZooKeeper's files.
func (d *data) newest(dir string) (z wire.Zxid, err error) {
	names, err := d.fs.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for _, name := range names {
		kind, hex, _ := strings.Cut(name, ".")
		hex, _, _ = strings.Cut(hex, ".") // how it is compressed
		n, err := strconv.ParseInt(hex, 16, 64)
		if err == nil && (kind == "log" || kind == "snapshot") {
			z = max(z, wire.Zxid(n))
		}
	}
	return z, nil
}

// holds reports whether a directory has an entry that begins with prefix, other
// than those named.
func (d *data) holds(dir, prefix string, but ...string) (bool, error) {
	names, err := d.fs.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("server: %w", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, prefix) && !slices.Contains(but, name) {
			return true, nil
		}
	}
	return false, nil
}
