package inspect

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
)

// A Range is an interval of zxids, both ends included. The zero value of To
// means without end.
type Range struct{ From, To wire.Zxid }

// A LateError says that the log no longer holds the transactions that a range
// begins with: checkpoints cover them.
type LateError struct {
	From wire.Zxid // asked for
	Base wire.Zxid // the zxid before the first that is there
}

func (e *LateError) Error() string {
	return fmt.Sprintf("the log begins after %v; what was before it, from %v on, has been removed because the checkpoint covers it", e.Base, e.From)
}

// Transactions returns the transactions of a log whose server is not running. A
// transaction is valid until the next one. The sequence ends with an error
// if the log is damaged; *LateError comes first if the log begins behind
// r.From, which must not be 0 for that, and the sequence then goes on.
func Transactions(fsys vfs.FS, dirs datadir.Layout, r Range) iter.Seq2[*wire.Txn, error] {
	return func(yield func(*wire.Txn, error) bool) {
		l, err := Lock(fsys, dirs)
		if err != nil {
			yield(nil, err)
			return
		}
		defer unlock(l)
		reader, err := from(fsys, dirs.LogDir(), r.From)
		var late *LateError
		if errors.As(err, &late) {
			if r.From != 0 && !yield(nil, late) {
				return
			}
			reader, err = from(fsys, dirs.LogDir(), late.Base+1)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = reader.Close() }()
		deliver(reader, r.To, yield)
	}
}

// from returns a reader whose first transaction is z or the next above.
func from(fsys vfs.FS, dir string, z wire.Zxid) (*txnlog.Reader, error) {
	reader, err := txnlog.ReadOnly(fsys, dir, max(z-1, 0))
	var gone *txnlog.GoneError
	if errors.As(err, &gone) {
		return nil, &LateError{z, gone.Base}
	}
	return reader, err
}

func deliver(r *txnlog.Reader, to wire.Zxid, yield func(*wire.Txn, error) bool) {
	for {
		rec, err := r.Next()
		if err == io.EOF || err == nil && to != 0 && rec.Zxid > to {
			return
		}
		if err != nil {
			yield(nil, err)
			return
		}
		txn, err := wire.DecodeTxn(rec.Payload)
		if err != nil {
			err = fmt.Errorf("transaction %v: %w", rec.Zxid, err)
		}
		if !yield(&txn, err) || err != nil {
			return
		}
	}
}
