package zkdata

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// A history reads the transactions of ZooKeeper's log files in order, and checks that
// none is missing behind the snapshot.
type history struct {
	fs       vfs.FS
	files    []numbered
	snapshot wire.Zxid
	// again is called when what came so far does not lead to what comes next, which is
	// no harm before the snapshot. The history begins anew behind base.
	again func(base wire.Zxid) error
	txn   func(*wire.Txn) error
	note  func(format string, args ...any)
	// progress is told how much of the files has been read.
	progress func(read int64)

	base, last wire.Zxid // of the history so far
	begun      bool
	read       int64
	doubles    int
	torn       []*TornTail
	ends       *LogReader // of the last file
}

// logHistory is how many transactions before the snapshot are worth to be taken over.
const logHistory = 100_000

// choose drops the files that hold nothing worth to be read.
func (h *history) choose() {
	from := 0
	for i, f := range h.files {
		if f.zxid <= h.snapshot && (f.zxid.Epoch() != h.snapshot.Epoch() || h.snapshot-f.zxid >= logHistory) {
			from = i
		}
	}
	h.files = h.files[from:]
}

// run reads all files.
func (h *history) run(ctx context.Context) error {
	for i, f := range h.files {
		err := h.file(ctx, f)
		var damaged *DamageError
		if errors.As(err, &damaged) && i+1 < len(h.files) && h.files[i+1].zxid <= h.snapshot+1 {
			h.note("%v; the snapshot at %v covers it", damaged, h.snapshot)
			continue
		}
		if err != nil {
			return err
		}
	}
	return h.finish()
}

func (h *history) file(ctx context.Context, f numbered) error {
	file, err := h.fs.Open(f.path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	size, err := file.Size()
	if err != nil {
		return err
	}
	r, err := NewLogReader(f.path, file, size)
	if err != nil {
		return err
	}
	h.ends = r
	for first := true; ; first = false {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if first && rec.Zxid != f.zxid {
			return r.damaged(rec.Offset, fmt.Sprintf("the file begins with transaction %v: it has been renamed", rec.Zxid))
		}
		if err := h.record(ctx, r, &rec); err != nil {
			return err
		}
		h.progress(h.read + r.Offset())
	}
	h.read += size
	if t := r.Torn(); t != nil {
		h.torn = append(h.torn, t)
		h.note("%v: it was being written when the machine stopped, and never acknowledged", t)
	}
	return nil
}

func (h *history) record(ctx context.Context, r *LogReader, rec *LogRecord) error {
	if h.begun && rec.Zxid == h.last {
		h.doubles++ // servers from 3.9.0 on may log one twice
		return nil
	}
	if err := h.follow(r, rec); err != nil {
		return err
	}
	txn, err := wire.DecodeTxn(rec.Payload)
	if err != nil {
		return &DamageError{r.name, rec.Offset, err.Error(), "if a newer version of ZooKeeper wrote it, this version of Zabra cannot take it over"}
	}
	h.last = rec.Zxid
	if err := ctx.Err(); err != nil {
		return err
	}
	return h.txn(&txn)
}

// follow checks that rec is the next transaction.
func (h *history) follow(r *LogReader, rec *LogRecord) error {
	z := rec.Zxid
	switch {
	case z <= 0:
		return r.damaged(rec.Offset, fmt.Sprintf("a transaction has zxid %v", z))
	case h.begun && z.Follows(h.last) && (h.last >= h.snapshot || z <= h.snapshot):
		return nil
	case z <= h.snapshot && (!h.begun || h.last < h.snapshot):
		return h.start(z - 1)
	case (!h.begun || h.last < h.snapshot) && z.Follows(h.snapshot):
		return h.start(h.snapshot)
	}
	before := h.snapshot
	if h.begun {
		before = max(before, h.last)
	}
	if z <= before {
		return r.damaged(rec.Offset, fmt.Sprintf("transaction %v comes after %v", z, before))
	}
	return &DamageError{r.name, rec.Offset, fmt.Sprintf("transaction %v comes after %v: those in between are missing", z, before),
		"put back the log file that holds them, or import the directory of another member of the ensemble"}
}

func (h *history) start(base wire.Zxid) error {
	if h.begun {
		h.note("the log goes on with %v after %v; it is taken over from there, and the snapshot at %v covers what is before", base+1, h.last, h.snapshot)
	}
	h.begun, h.base, h.last = true, base, base
	return h.again(base)
}

// finish lets the history reach the snapshot if no file did.
func (h *history) finish() error {
	if h.begun && h.last >= h.snapshot {
		return nil
	}
	return h.start(h.snapshot)
}

// grown reports whether somebody wrote to the last file since it was read.
func (h *history) grown() (bool, error) {
	if h.ends == nil {
		return false, nil
	}
	f, err := h.fs.Open(h.ends.name)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	again := &LogReader{name: h.ends.name, r: f, size: size, off: h.ends.off}
	end, err := again.lastByte()
	if t := h.ends.torn; t != nil {
		return end != t.Offset+t.Bytes, err
	}
	return end > h.ends.off, err
}
