package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

// A journal is the pipeline's view of the transaction log.
type journal struct {
	log  *txnlog.Log
	recs []txnlog.Record // scratch of Append

	zap     *zap.Logger
	metrics *metrics.Metrics
	slow    time.Duration // a sync that takes longer is counted and told of
	told    time.Time     // when that was last

	shortage *shortage
	absence  func() error // whether the directories have gone
	configs  *configFiles
}

func (j *journal) Append(txns []zab.Txn) error {
	if err := j.absence(); err != nil {
		return err
	}
	j.recs = j.recs[:0]
	var bytes uint64
	for i := range txns {
		j.recs = append(j.recs, txnlog.Record{Zxid: txns[i].Zxid, Payload: txns[i].Raw})
		bytes += uint64(len(txns[i].Raw))
	}
	err := j.shortage.worthTrying(bytes)
	if err == nil {
		err = j.log.Append(j.recs)
	}
	clear(j.recs)
	if errors.Is(err, txnlog.ErrNotAppended) && txnlog.NoSpace(err) {
		j.shortage.goesOn(err)
		return fmt.Errorf("server: %w: %w", pipeline.ErrNoSpace, err)
	}
	if err == nil {
		j.shortage.over()
		j.noteConfigs(txns)
	}
	return j.final(err)
}

// noteConfigs writes reconfigurations into files before anybody hears that they are
// logged.
func (j *journal) noteConfigs(txns []zab.Txn) {
	if j.configs == nil {
		return
	}
	for i := range txns {
		if c, ok := reconfiguration(txns[i].Raw); ok {
			j.configs.proposed(c)
		}
	}
}

func (j *journal) Settle() error { return j.final(j.log.Settle()) }

// final tells an operator what an error of the log means: the server stops with
// it.
func (j *journal) final(err error) error {
	switch {
	case err == nil:
		return nil
	case txnlog.NoSpace(err):
		return fmt.Errorf("server: the disk is full, and what it holds of the log is not certain any more; "+
			"nothing acknowledged is lost: make room and start the server again: %w", err)
	}
	return fmt.Errorf("server: the log cannot be written, and the server stops rather than lose anything; "+
		"nothing acknowledged is lost: look at the disk and start the server again: %w", err)
}

func (j *journal) Sync() error {
	began := time.Now()
	err := j.log.Sync()
	if took := time.Since(began); took > j.slow {
		j.tellSlow(took)
	}
	return j.final(err)
}

// tellEvery is the least time between two lines about slow syncs.
const tellEvery = time.Second

// tellSlow warns of a disk that makes every client wait.
func (j *journal) tellSlow(took time.Duration) {
	j.metrics.FsyncThresholdExceed.Inc(0)
	if now := time.Now(); now.Sub(j.told) >= tellEvery {
		j.told = now
		j.zap.Warn("fsync of the transaction log was slow, and all writes waited for it",
			zap.Duration("took", took), zap.Duration("fsync.warningthresholdms", j.slow),
			zap.Int64("slow_so_far", j.metrics.FsyncThresholdExceed.Load()))
	}
}
