package inspect

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
)

// A Kept is a set of damaged files that a member of an ensemble has put aside.
type Kept struct {
	Dirs   []string // one below dataDir, and one below dataLogDir if that is another
	Reason string   // what was damaged, as the server said it
	Bytes  int64
	Healed bool // a leader has filled the server since
}

// healing looks for what a member leaves when it finds its files damaged: the mark that
// it must not count on what it holds, and those files.
func (v *verifier) healing() error {
	mark := v.Dirs.Distrust()
	text, err := vfs.ReadFile(v.fs, mark, datadir.MaxDistrust)
	var large *vfs.TooLargeError
	switch {
	case err == nil, errors.As(err, &large):
		d := datadir.ParseDistrust(text)
		v.Distrust = &d
		v.distrusted(mark, d)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return v.kept()
}

const remedyDistrust = "start it as the member that it is: it does not vote until a leader of the others has sent it everything, and nobody need do anything while " +
	"a majority is whole (docs/operating.md, Damaged files)"

func (v *verifier) distrusted(mark string, d datadir.Distrust) {
	why := d.Text
	if why == "" {
		why = "the mark does not say why"
	}
	switch d.Why {
	case datadir.Fresh:
		v.note("%s: this member was started on an empty disk, and no leader has filled it yet. It votes when all voters are empty, "+
			"or with a file %s, which says that its ensemble is new", mark, v.Dirs.Initialize())
	case datadir.Moving:
		v.damage(mark, -1, "damaged files are being put aside: "+why, remedyDistrust)
	case datadir.Replacing:
		v.damage(mark, -1, "a leader's state was being taken over, and is not whole: "+why, remedyDistrust)
	default:
		v.damage(mark, -1, "what the log and the checkpoint hold is not to be built on: "+why, remedyDistrust)
	}
}

// kept lists the files that were put aside.
func (v *verifier) kept() error {
	sets := map[string]*Kept{}
	for _, dir := range slices.Compact([]string{v.Dirs.DamagedData(), v.Dirs.DamagedLog()}) {
		names, err := v.fs.List(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if sets[name] == nil {
				sets[name] = new(Kept)
			}
			if err := v.keptIn(filepath.Join(dir, name), sets[name]); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		k := *sets[name]
		k.Healed = v.Distrust == nil || v.Distrust.Set != name
		v.Kept = append(v.Kept, k)
		v.noteKept(name, k)
	}
	return nil
}

// keptIn adds one of the folders of a set.
func (v *verifier) keptIn(dir string, k *Kept) error {
	n, err := v.size(dir)
	if err != nil {
		return err
	}
	k.Dirs, k.Bytes = append(k.Dirs, dir), k.Bytes+n
	text, err := vfs.ReadFile(v.fs, filepath.Join(dir, "reason"), datadir.MaxDistrust)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	k.Reason = strings.TrimSpace(string(text))
	return err
}

// size is that of all files below a folder.
func (v *verifier) size(dir string) (total int64, err error) {
	names, err := v.fs.List(dir)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := v.fs.Stat(path)
		if err != nil {
			return 0, err
		}
		n := info.Size
		if info.Dir {
			if n, err = v.size(path); err != nil {
				return 0, err
			}
		}
		total += n
	}
	return total, nil
}

func (v *verifier) noteKept(name string, k Kept) {
	now := "no leader has filled this server since: keep it until one has, or until you know that nobody needs it"
	if k.Healed {
		now = "a leader has filled this server since: it can be removed when nobody wants to look at it"
	}
	v.note("%s: %s that were found damaged on %s: %s; %s", strings.Join(k.Dirs, " and "), bytesText(k.Bytes), foundOn(name), k.Reason, now)
}

// foundOn makes a date of the name of a set, 20060102T150405.000.
func foundOn(name string) string {
	at, err := time.Parse("20060102T150405.000", name)
	if err != nil {
		return name
	}
	return at.Format(time.DateTime) + " UTC"
}
