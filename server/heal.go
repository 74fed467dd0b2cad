package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/store"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

// A member of an ensemble that finds its files damaged keeps them aside, and goes on
// like one that has nothing and must not vote: a leader that others elect fills it. The
// mark says so before anything moves, so that no crash makes it look new or whole.

// A LossError says that files are missing, or contradict each other, that were there.
type LossError struct{ What string }

func (e *LossError) Error() string { return "server: " + e.What }

func lost(format string, args ...any) error { return &LossError{fmt.Sprintf(format, args...)} }

// isDamage reports whether an error of the start is what a disk has done to our files,
// which others can make good, and not a lack of room or of permission, or files of
// others.
func isDamage(err error) bool {
	for _, passing := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EROFS, fs.ErrPermission, vfs.ErrLocked,
	} {
		if errors.Is(err, passing) {
			return false
		}
	}
	var (
		log   *txnlog.CorruptError
		other *store.FormatError
		tree  *store.DamageError
		loss  *LossError
	)
	switch {
	case errors.As(err, &other):
		return false
	case errors.As(err, &log):
		return log.Damage()
	}
	var disk *zab.DiskError
	return errors.As(err, &tree) || errors.As(err, &loss) || errors.As(err, &disk) || errors.Is(err, syscall.EIO)
}

// openMember opens the data of a member of an ensemble, putting aside what is damaged.
func (d *data) openMember() error {
	m, err := d.readDistrust()
	if err != nil {
		return err
	}
	d.mark.Store(&m)
	if m.why == moving {
		err = d.move(m)
	} else {
		err = d.open()
	}
	if isDamage(err) {
		err = d.putAside(err)
	}
	if err != nil {
		return err
	}
	if d.log == nil {
		err = d.open()
	}
	return err
}

// putAside begins anew in place of damaged files, and says what becomes of them.
func (d *data) putAside(cause error) error {
	d.metrics.DamageFound.Inc(0)
	m := d.distrusted()
	if m.why == damaged && m.set != "" {
		d.zap.Error("the files of this server are damaged again, before a leader had filled them; they are removed", zap.Error(cause))
		return d.clear(d.logDir(), "", d.storeDir(), "")
	}
	m = distrust{why: moving, set: time.Now().UTC().Format("20060102T150405.000"), text: cause.Error()}
	if err := d.fs.MkdirAll(d.cfg.DataDir); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := d.setDistrust(m); err != nil {
		return fmt.Errorf("%w; its files are damaged: %w", err, cause)
	}
	return d.move(m)
}

// move carries out what the mark says, from wherever a crash has left it.
func (d *data) move(m distrust) error {
	dirs := layoutOf(d.cfg)
	if err := d.dropSets(m.set); err != nil {
		return err
	}
	toData, toLog := filepath.Join(dirs.DamagedData(), m.set), filepath.Join(dirs.DamagedLog(), m.set)
	for _, dir := range []string{toData, filepath.Join(toLog, "zabra-log")} {
		if err := d.fs.MkdirAll(dir); err != nil {
			return fmt.Errorf("server: %w", err)
		}
	}
	if err := vfs.WriteFileAtomic(d.fs, filepath.Join(toData, "reason"), []byte(m.text+"\n")); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := d.clear(dirs.LogDir(), filepath.Join(toLog, "zabra-log"), dirs.StoreDir(), filepath.Join(toData, "zabra-store")); err != nil {
		return err
	}
	if err := d.moveMarks(toData); err != nil {
		return err
	}
	m.why = damaged
	if err := d.setDistrust(m); err != nil {
		return err
	}
	d.zap.Error("the files of this server are damaged. It does not vote, and serves nobody, until a leader that other servers have elected "+
		"has filled it anew; nobody need do anything if a majority of the servers is whole (docs/operating.md, Damaged files)",
		zap.String("damage", m.text), zap.String("kept for inspection", toData), zap.String("and", toLog))
	return nil
}

// clear moves the files of the log and the checkpoint elsewhere, or with "" for a target
// removes them. No other server runs on the directory meanwhile.
func (d *data) clear(logDir, logTo, storeDir, storeTo string) error {
	if err := d.fs.MkdirAll(logDir); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	lock, err := d.fs.Lock(filepath.Join(logDir, txnlog.LockName))
	if errors.Is(err, vfs.ErrLocked) {
		return d.lockedError(err)
	}
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	err = errors.Join(d.clearDir(logDir, logTo, txnlog.LockName), lock.Close())
	if err == nil {
		err = store.Move(storeDir, storeTo)
	}
	if err != nil {
		return fmt.Errorf("server: damaged files are to be put aside: %w", err)
	}
	return nil
}

// clearDir moves all files of a directory but one to another, or removes them.
func (d *data) clearDir(dir, to, but string) error {
	names, err := d.fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		switch from := filepath.Join(dir, name); {
		case name == but:
			continue
		case to == "":
			err = d.fs.Remove(from)
		default:
			err = d.fs.Rename(from, filepath.Join(to, name))
		}
		if err != nil {
			return err
		}
	}
	if to != "" {
		err = d.fs.SyncDir(to)
	}
	return errors.Join(err, d.fs.SyncDir(dir))
}

// moveMarks puts aside those small files that cannot be read, or that speak of what was
// put aside. What the server has promised is kept if it can be.
func (d *data) moveMarks(to string) error {
	dirs := layoutOf(d.cfg)
	names := []string{dirs.RestoreMark()}
	for _, name := range []string{dirs.AcceptedEpoch(), dirs.CurrentEpoch()} {
		if _, err := d.readEpoch(name); err != nil {
			if !isDamage(err) {
				return err
			}
			names = append(names, name)
		}
	}
	for _, name := range names {
		err := d.fs.Rename(name, filepath.Join(to, filepath.Base(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("server: %w", err)
		}
	}
	return errors.Join(d.fs.SyncDir(to), d.fs.SyncDir(d.cfg.DataDir))
}

// dropSets removes the damaged files that are kept, but for one set.
func (d *data) dropSets(but string) error {
	dirs := layoutOf(d.cfg)
	for _, dir := range []string{dirs.DamagedData(), dirs.DamagedLog()} {
		sets, err := d.fs.List(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("server: %w", err)
		}
		for _, set := range sets {
			if set == but {
				continue
			}
			if err := d.dropSet(filepath.Join(dir, set)); err != nil {
				return fmt.Errorf("server: damaged files of earlier: %w", err)
			}
		}
	}
	return nil
}

func (d *data) dropSet(set string) error {
	log := filepath.Join(set, "zabra-log")
	if err := d.clearDir(log, "", ""); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := store.Move(filepath.Join(set, "zabra-store"), ""); err != nil {
		return err
	}
	if err := d.fs.Remove(log); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.clearDir(set, "", ""); err != nil {
		return err
	}
	return errors.Join(d.fs.Remove(set), d.fs.SyncDir(filepath.Dir(set)))
}

// healed tells that a leader has filled what was damaged. The damaged files stay, so
// long as there is room.
func (d *data) healed(m distrust) {
	if m.why != damaged {
		return
	}
	d.metrics.DamageHealed.Inc(0)
	fields := []zap.Field{}
	if m.set != "" {
		dirs := layoutOf(d.cfg)
		fields = append(fields, zap.String("the damaged files can be removed", filepath.Join(dirs.DamagedData(), m.set)),
			zap.String("and", filepath.Join(dirs.DamagedLog(), m.set)))
	}
	d.zap.Info("a leader has filled this server anew; it votes again", fields...)
}

// roomFor is room for a state that has come from a leader, if need be in place of the
// damaged files that it replaces.
func (d *data) roomFor(need uint64) error {
	err := d.room(need)
	if err == nil {
		return nil
	}
	d.zap.Warn("damaged files that are kept are removed to make room for what a leader has sent", zap.Error(err))
	if err := d.dropSets(""); err != nil {
		return err
	}
	return d.room(need)
}

// makeRoom removes the damaged files that are kept, unless what they held has not been
// fetched yet.
func (d *data) makeRoom() {
	if d.distrusted().why != none {
		return
	}
	if err := d.dropSets(""); err != nil {
		d.zap.Warn("damaged files that are kept could not be removed to make room", zap.Error(err))
	}
}

// checkTail reads what the log holds behind the checkpoint: a leader may say at any time
// that it is committed, and then it must be readable.
func (d *data) checkTail() error {
	r, err := d.log.Read(d.tree.LastZxid())
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	for {
		if _, err := r.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// checkEpochs finds epoch files that are gone while others of the member are there.
func (d *data) checkEpochs() error {
	dirs := layoutOf(d.cfg)
	there := map[string]bool{}
	for _, name := range []string{dirs.AcceptedEpoch(), dirs.CurrentEpoch(), dirs.Member()} {
		found, err := d.exists(name)
		if err != nil {
			return err
		}
		there[name] = found
	}
	a, c, member := there[dirs.AcceptedEpoch()], there[dirs.CurrentEpoch()], there[dirs.Member()]
	switch {
	case d.empty && (a || c || member):
		return lost("%s and %s hold neither a log nor a checkpoint, and other files show that they held both", d.cfg.DataDir, d.cfg.DataLogDir)
	case a != c:
		return lost("one of the files %s and %s is missing", dirs.AcceptedEpoch(), dirs.CurrentEpoch())
	case !d.empty && !a && member:
		return lost("the files %s and %s are missing", dirs.AcceptedEpoch(), dirs.CurrentEpoch())
	}
	return nil
}

func (d *data) exists(name string) (bool, error) {
	_, err := d.fs.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("server: %w", err)
	}
	return true, nil
}
