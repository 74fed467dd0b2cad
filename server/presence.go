package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/txnlog"
	"go.uber.org/zap"
)

// Files that are open can be written and synced after somebody has removed their
// directory, or mounted another one over it, and nothing fails until the next file is
// made. What is acknowledged meanwhile is gone with the process.

const (
	// presenceEvery is the time between two looks at the directories.
	presenceEvery = time.Second
	// absences is in how many looks, one after the other, a directory has to be missing.
	absences = 2
)

// watchPresence looks now and then whether the directories are where the next start
// looks for them, until ctx is done. If not, the log takes nothing any more, and gone is
// called.
func (d *data) watchPresence(ctx context.Context, gone func(error)) {
	tick := time.NewTicker(presenceEvery)
	defer tick.Stop()
	for missing := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := d.present()
		if err == nil {
			missing = 0
			continue
		}
		if missing++; missing < absences {
			continue
		}
		if d.absent.Swap(&err) == nil {
			d.metrics.DamageFound.Inc(0)
		}
		gone(err)
	}
}

// present fails if a directory is missing that is there as long as the server runs. The
// log's is known by its lock: another one may have come in its place.
func (d *data) present() error {
	for _, name := range []string{filepath.Join(d.logDir(), txnlog.LockName), d.storeDir()} {
		if _, err := d.fs.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return lost("%s is gone: it was removed, moved or hidden by a mount while the server runs", name)
		}
	}
	return nil
}

// absence fails with pipeline.ErrNoSpace if the directories have gone: what would be
// logged now could not be found again.
func (d *data) absence() error {
	if err := d.absent.Load(); err != nil {
		return fmt.Errorf("%w: %w", pipeline.ErrNoSpace, *err)
	}
	return nil
}

// gone tells of directories that have gone. A member stops: the next start finds out
// what is left, and a leader fills the server. One that stands alone has the only copy,
// in memory, and goes on for the readers and for a backup.
func (s *Server) gone(stop context.CancelCauseFunc) func(error) {
	if s.member != nil {
		return func(err error) {
			stop(fmt.Errorf("%w; the server stops, since it cannot keep what it acknowledges: put the directory back, "+
				"or start it with an empty one, and a leader of the others fills it (docs/operating.md, Replace a server)", err))
		}
	}
	var told time.Time
	return func(err error) {
		if now := time.Now(); now.Sub(told) >= remindEvery {
			told = now
			s.log.Error("writes wait, everything else is served: what would be written now would be lost. What the server has in memory may be the only copy: "+
				"make dataDir again and take a backup with the admin command snapshot, or put back what was moved; then stop the server, and start it again", zap.Error(err))
		}
	}
}
