package server

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// What a checkpoint covers of the log is read only for a learner that was away. If it
// turns out to be damaged then, or before, the learner gets a snapshot: from that moment
// the history that the server offers begins behind the damage. The files themselves go
// as soon as a checkpoint covers them. What is behind the checkpoint was read at the
// start (checkTail), and if it is lost while the server runs, the next start finds that.

// A history is a member's log as far as it can be read.
type history struct{ d *data }

// Base is where it begins.
func (h history) Base() wire.Zxid {
	return max(h.d.log.Base(), wire.Zxid(h.d.intact.Load()))
}

// Floor is that of the log.
func (h history) Floor(z wire.Zxid) (wire.Zxid, error) {
	if base := h.Base(); z < base {
		return 0, &txnlog.GoneError{Zxid: z, Base: base}
	}
	at, err := h.d.log.Floor(z)
	h.d.met(err)
	return at, err
}

// met looks at an error of reading the log: what is damaged is not offered again.
func (d *data) met(err error) {
	var corrupt *txnlog.CorruptError
	intact := d.log.Last()
	switch {
	case errors.As(err, &corrupt):
		intact = d.log.Behind(corrupt.File)
	case !errors.Is(err, syscall.EIO):
		return
	}
	for old := d.intact.Load(); int64(intact) > old; old = d.intact.Load() {
		if d.intact.CompareAndSwap(old, int64(intact)) {
			d.metrics.DamageFound.Inc(0)
			d.zap.Error("a part of the log that a checkpoint covers is damaged: learners that need it get a snapshot, and it is removed when a later checkpoint allows it",
				zap.Stringer("intact behind", intact), zap.Error(err))
			signal(d.due)
		}
	}
}

// hasDamage reports whether the log holds segments that are known to be damaged.
func (d *data) hasDamage() bool { return d.log.Base() < wire.Zxid(d.intact.Load()) }

const (
	scrubEvery = 24 * time.Hour
	// scrubRate is how fast the log is read, bytes a second: not to be noticed.
	scrubRate = 16 << 20
	scrubStep = 256 << 10
)

// scrubs reads the whole log at the start, and then once a day, slowly, so that damage
// is found while others are whole.
func (d *data) scrubs(ctx context.Context) {
	for {
		d.met(d.scrub(ctx))
		select {
		case <-ctx.Done():
			return
		case <-time.After(scrubEvery):
		}
	}
}

func (d *data) scrub(ctx context.Context) error {
	r, err := d.log.Read(history{d}.Base())
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	for bytes := 0; ; {
		rec, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if bytes += len(rec.Payload); bytes < scrubStep {
			continue
		}
		bytes = 0
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second * scrubStep / scrubRate):
		}
	}
}
