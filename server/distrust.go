package server

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
)

// A distrust is the mark of a member that must not count on what its disk holds; the
// zero value is that of one that may.
type distrust struct {
	why  doubt
	set  string // where damaged files are kept, a name in the folder for them; or ""
	text string // for operators
}

// A doubt is why a member must not count on its disk.
type doubt = datadir.Doubt

const (
	none      = datadir.NoDoubt
	fresh     = datadir.Fresh
	moving    = datadir.Moving
	damaged   = datadir.Damaged
	replacing = datadir.Replacing
)

// readDistrust reads the mark. One that cannot be understood is the worst that it can
// be.
func (d *data) readDistrust() (m distrust, err error) {
	text, err := vfs.ReadFile(d.fs, layoutOf(d.cfg).Distrust(), datadir.MaxDistrust)
	var large *vfs.TooLargeError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, nil
	case errors.As(err, &large):
		return distrust{why: damaged}, nil
	case err != nil:
		return m, fmt.Errorf("server: whether the data can be trusted: %w", err)
	}
	was := datadir.ParseDistrust(text)
	m = distrust{was.Why, was.Set, was.Text}
	if m.why == replacing {
		m.why = damaged
	}
	return m, nil
}

// setDistrust makes the mark durable. It counts when it is: whoever fails to write it may
// try again.
func (d *data) setDistrust(m distrust) error {
	err := d.writeDistrust(m)
	if err == nil {
		d.mark.Store(&m)
	}
	return err
}

func (d *data) writeDistrust(m distrust) error {
	if m.why == none {
		err := d.fs.Remove(layoutOf(d.cfg).Distrust())
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = d.fs.SyncDir(d.cfg.DataDir)
		}
		return err
	}
	text := datadir.Distrust{Why: m.why, Set: m.set, Text: m.text}.Append(nil)
	if err := vfs.WriteFileAtomic(d.fs, layoutOf(d.cfg).Distrust(), text); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// distrusted is the mark as it is.
func (d *data) distrusted() distrust { return *d.mark.Load() }
