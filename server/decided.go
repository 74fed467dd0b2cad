package server

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

// What a member of an ensemble knows to be decided is in its tree, and with a restart
// the tree goes back to the last checkpoint: what the log holds behind that may not be
// decided. For read-only clients the zxid up to which it is, is noted in a file now and
// then. The note names the transaction with that zxid by its checksum, so that it says
// nothing about another history; and what is decided stays so, so an old note is true.

// decidedEvery is how often that is noted, if it has changed.
const decidedEvery = time.Second

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// logSum is the checksum of the transaction in the log with a zxid.
func (d *data) logSum(z wire.Zxid) (sum uint32, err error) {
	found := false
	err = d.Read(zab.Range{After: z - 1, To: z}, func(at wire.Zxid, raw []byte) error {
		sum, found = crc32.Checksum(raw, castagnoli), at == z
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("server: the log holds no %v", z)
	}
	return sum, err
}

// noteDecided notes that everything in the log up to z is decided.
func (d *data) noteDecided(z wire.Zxid) error {
	sum, err := d.logSum(z)
	if err != nil {
		return err
	}
	if err := vfs.WriteFileAtomic(d.fs, layoutOf(d.cfg).Decided(), fmt.Appendf(nil, "%v %08x\n", z, sum)); err != nil {
		return fmt.Errorf("server: note of what is decided: %w", err)
	}
	return nil
}

// decided is up to where the log is noted to be decided; 0 if it is not known.
func (d *data) decided() (z wire.Zxid, err error) {
	text, err := vfs.ReadFile(d.fs, layoutOf(d.cfg).Decided(), 64)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("server: note of what is decided: %w", err)
	}
	var at int64
	var sum uint32
	if _, err := fmt.Sscanf(string(text), "0x%x %x\n", &at, &sum); err != nil || at <= 0 {
		return 0, fmt.Errorf("server: note of what is decided holds %.40q", text)
	}
	z = wire.Zxid(at)
	if z <= d.log.Base() || z > d.log.Last() {
		return 0, nil // the checkpoint holds it, or the log is another
	}
	if got, err := d.logSum(z); err != nil || got != sum {
		return 0, err
	}
	return z, nil
}

// keepDecided notes what is decided until ctx is done.
func (m *member) keepDecided(ctx context.Context) {
	tick := time.NewTicker(decidedEvery)
	defer tick.Stop()
	var noted wire.Zxid
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			over = true
		}
		core, d := m.server.core, m.server.data
		if !core.Serving() || core.ReadOnly() {
			continue
		}
		var z wire.Zxid
		core.View(func(t *datatree.Tree) { z = t.LastZxid() })
		if z == noted || z <= d.log.Base() {
			continue
		}
		if err := d.noteDecided(z); err != nil {
			m.log.Debug("what is decided is not noted", zap.Error(err))
			continue
		}
		noted = z
	}
}
