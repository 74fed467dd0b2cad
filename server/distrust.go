package server

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/zabra/zabra/internal/vfs"
)

// A distrust is the mark of a member that must not count on what its disk holds; the
// zero value is that of one that may.
type distrust struct {
	why  doubt
	set  string // where damaged files are kept, a name in the folder for them; or ""
	text string // for operators
}

// A doubt is why a member must not count on its disk.
type doubt string

const (
	none    doubt = ""
	fresh   doubt = "fresh"   // the member was started on an empty disk, and holds nothing yet
	moving  doubt = "moving"  // damaged files are being put aside
	damaged doubt = "damaged" // what is there is not to be built on
	// A leader's state replaces what is there, and is not whole yet; found at a start, it
	// is as good as damaged.
	replacing doubt = "replacing"
)

const maxDistrust = 8 << 10

// readDistrust reads the mark. One that cannot be understood is the worst that it can
// be.
func (d *data) readDistrust() (m distrust, err error) {
	text, err := vfs.ReadFile(d.fs, layoutOf(d.cfg).Distrust(), maxDistrust)
	var large *vfs.TooLargeError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, nil
	case errors.As(err, &large):
		return distrust{why: damaged}, nil
	case err != nil:
		return m, fmt.Errorf("server: whether the data can be trusted: %w", err)
	}
	head, rest, _ := strings.Cut(string(text), "\n")
	why, set, _ := strings.Cut(head, " ")
	m = distrust{doubt(why), set, strings.TrimSpace(rest)}
	if m.why != fresh && m.why != moving || strings.ContainsAny(set, `/\\`) {
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
	text := fmt.Sprintf("%s %s\n%.4000s\n", m.why, m.set, m.text)
	if err := vfs.WriteFileAtomic(d.fs, layoutOf(d.cfg).Distrust(), []byte(text)); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// distrusted is the mark as it is.
func (d *data) distrusted() distrust { return *d.mark.Load() }
