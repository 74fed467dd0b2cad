package zkdata

import (
	"errors"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/store"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A logCopy writes Zabra's log, in batches.
type logCopy struct {
	log   *txnlog.Log
	base  wire.Zxid
	batch []txnlog.Record
	bytes []byte // payloads of the batch
}

const (
	batchTxns  = 1000
	batchBytes = 1 << 20
	minSegment = 1 << 20
)

// newLogCopy makes an empty log that will hold about size bytes.
func newLogCopy(fsys vfs.FS, dir string, size int64) (*logCopy, error) {
	segment := min(max(size, minSegment), txnlog.DefaultSegmentSize)
	log, err := txnlog.Open(fsys, dir, txnlog.Options{SegmentSize: segment, MaxRecord: maxPayload})
	return &logCopy{log: log}, err
}

// reset lets the log begin anew behind base.
func (c *logCopy) reset(base wire.Zxid) error {
	c.batch, c.bytes, c.base = nil, nil, base
	if c.log.Last() == base {
		return nil
	}
	return c.log.Reset(base)
}

// append takes a record, whose payload it does not keep.
func (c *logCopy) append(rec txnlog.Record) error {
	if len(c.batch) >= batchTxns || len(c.bytes)+len(rec.Payload) > batchBytes {
		if err := c.flush(); err != nil {
			return err
		}
	}
	from := len(c.bytes)
	c.bytes = append(c.bytes, rec.Payload...)
	rec.Payload = c.bytes[from:len(c.bytes):len(c.bytes)]
	c.batch = append(c.batch, rec)
	return nil
}

func (c *logCopy) flush() error {
	err := c.log.Append(c.batch)
	c.batch, c.bytes = c.batch[:0], c.bytes[:0]
	if cap(c.bytes) > 2*batchBytes {
		c.bytes = nil
	}
	return err
}

// close makes the log durable, whatever has gone wrong elsewhere.
func (c *logCopy) close() error {
	err := c.flush()
	if err == nil {
		err = c.log.Sync()
	}
	return errors.Join(err, c.log.Close())
}

// checkpointStep is how much of the tree is encoded at a time.
const checkpointStep = 256 << 10

// writeCheckpoint writes all of a tree into an empty store.
func writeCheckpoint(dir string, t *datatree.Tree, progress func(bytes int64)) (err error) {
	s := store.New(dir, zap.NewNop())
	defer func() { err = errors.Join(err, s.Close()) }()
	cp, err := s.Begin(true)
	if err != nil {
		return err
	}
	scan := t.Scan(true)
	defer scan.Cancel()
	var done int64
	for recs := scan.Step(checkpointStep); recs != nil; recs = scan.Step(checkpointStep) {
		if err := cp.Put(recs); err != nil {
			return errors.Join(err, cp.Abort())
		}
		for _, r := range recs {
			done += int64(len(r.Value))
		}
		progress(done)
	}
	if err := cp.Commit(); err != nil {
		return err
	}
	scan.Done()
	return nil
}
