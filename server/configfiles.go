package server

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// configFiles keep zoo.cfg, and the dynamic files beside it, at what the ensemble has
// agreed on, in ZooKeeper's names and forms. They are for operators, for tools, and for
// an Apache server that takes over. This server itself finds a newer membership in its
// tree or its log, too; it may only know it from these files if it heard of it in an
// election and has not had the transaction yet.
//
// A nil *configFiles keeps nothing. What cannot be written is told, and stops nothing:
// the data does not depend on it.
type configFiles struct {
	fs   vfs.FS
	file string // zoo.cfg
	id   wire.SID
	log  *zap.Logger

	mu        sync.Mutex
	committed int64 // the version that zoo.cfg leads to
	next      int64 // the version in the file of what is proposed; 0 without one
}

// maxConfigFile bounds a zoo.cfg, as package zoocfg does.
const maxConfigFile = 1 << 20

// newConfigFiles returns nil if nothing is to be kept: reconfigurations are off, or the
// server lines do not come from files.
func newConfigFiles(cfg *zoocfg.Config, fsys vfs.FS, log *zap.Logger) *configFiles {
	e := &cfg.Ensemble
	if !e.Distributed || !e.ReconfigEnabled {
		return nil
	}
	for _, s := range e.Servers {
		if cfg.File == "" || s.Origin.File == "" {
			log.Warn("reconfigurations are not written to configuration files, since the server lines are not from files")
			return nil
		}
	}
	file, err := filepath.Abs(cfg.File)
	if err != nil {
		log.Error("reconfigurations are not written to configuration files", zap.Error(err))
		return nil
	}
	return &configFiles{fs: fsys, file: file, id: e.MyID, log: log, committed: int64(e.Version), next: e.Next.Version}
}

// backup keeps zoo.cfg as an operator wrote it, at each start with one that has the
// membership in it.
func (f *configFiles) backup(cfg *zoocfg.Config) {
	if f == nil || cfg.Ensemble.DynamicFile != "" {
		return
	}
	err := vfs.ReplaceFile(f.fs, zoocfg.BackupName(f.target()), []byte(cfg.Text))
	f.tell(err)
}

// target is the file that zoo.cfg is, if it is a link.
func (f *configFiles) target() string {
	if name, err := filepath.EvalSymlinks(f.file); err == nil {
		return name
	}
	return f.file
}

func (f *configFiles) tell(err error) {
	if err != nil {
		f.log.Error("the configuration files cannot be kept at what the ensemble has agreed on; the data holds it, and this server goes on: "+
			"let this server write to the directory of zoo.cfg", zap.Error(err))
	}
}

// inForce writes what is committed, unless zoo.cfg leads to it already, and removes
// what was proposed before.
func (f *configFiles) inForce(c quorum.Config) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Version > f.committed {
		if err := f.write(c); err != nil {
			f.tell(err)
			return
		}
		f.committed = c.Version
	}
	if f.next != 0 && f.next <= c.Version {
		f.tell(f.removeNext())
	}
}

// write makes zoo.cfg lead to a membership. A crash in between leaves it leading to the
// one before.
func (f *configFiles) write(c quorum.Config) error {
	text, err := vfs.ReadFile(f.fs, f.target(), maxConfigFile)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	dynamic := zoocfg.DynamicName(f.file, c.Version)
	if err := vfs.WriteFileAtomic(f.fs, dynamic, zoocfg.DynamicText(c, false)); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	own, _ := c.Server(f.id)
	if err := vfs.ReplaceFile(f.fs, f.target(), zoocfg.Rewritten(text, dynamic, !own.Client.IsZero())); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// proposed writes what this server is about to vouch for.
func (f *configFiles) proposed(c quorum.Config) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Version > f.committed {
		f.tell(f.writeNext(c))
	}
}

func (f *configFiles) writeNext(c quorum.Config) error {
	if err := vfs.WriteFileAtomic(f.fs, zoocfg.NextName(f.file), zoocfg.DynamicText(c, true)); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	f.next = c.Version
	return nil
}

// recalled makes the files say what log and tree say, while nothing is being logged.
func (f *configFiles) recalled(a quorum.Active) {
	if f == nil {
		return
	}
	f.inForce(a.Committed)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case a.Pending() && f.next != a.Proposed.Version:
		f.tell(f.writeNext(a.Proposed))
	case !a.Pending() && f.next != 0:
		f.tell(f.removeNext())
	}
}

func (f *configFiles) removeNext() error {
	err := f.fs.Remove(zoocfg.NextName(f.file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("server: %w", err)
	}
	f.next = 0
	return nil
}
