package server

import (
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
)

// A journal is the pipeline's view of the transaction log.
type journal struct {
	log  *txnlog.Log
	recs []txnlog.Record // scratch of Append
}

func (j *journal) Append(txns []wire.Txn) error {
	j.recs = j.recs[:0]
	for i := range txns {
		j.recs = append(j.recs, txnlog.Record{Zxid: txns[i].Header.Zxid, Payload: txns[i].Raw})
	}
	err := j.log.Append(j.recs)
	clear(j.recs)
	return err
}

func (j *journal) Sync() error   { return j.log.Sync() }
func (j *journal) Settle() error { return j.log.Settle() }
