package server

import (
	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

func (m *member) settings() pipeline.Settings {
	return pipeline.Settings{
		Config: m.active.Committed, StandaloneEnabled: m.server.cfg.Ensemble.StandaloneEnabled,
	}
}

// adopt takes another configuration for the one in force.
func (m *member) adopt(active quorum.Active) {
	old := m.active
	m.active = active
	m.config.Store(&active.Committed)
	m.votes.SetServers(m.electionServers())
	m.machine.Reconfigure(m.now(), active)
	if !old.Committed.Equal(active.Committed) {
		m.log.Info("the configuration of the ensemble has changed", zap.Int64("version", active.Committed.Version),
			zap.String("servers", active.Committed.String()))
	}
}

// recall finds the configurations that count in what is on disk: the last one that
// the tree knows to be committed, and the last one proposed that the log holds
// behind it. They may be newer than the file's.
func (m *member) recall() {
	if !m.server.cfg.Ensemble.ReconfigEnabled {
		return
	}
	active := quorum.Active{Committed: m.active.Committed}
	var applied wire.Zxid
	m.server.core.View(func(t *datatree.Tree) {
		applied = t.LastZxid()
		if c, err := quorum.Parse(t.Config()); err == nil && c.Version > active.Committed.Version {
			active.Committed = c
		}
	})
	behind := zab.Range{After: applied, To: m.server.data.log.Last()}
	err := m.server.data.Read(behind, func(_ wire.Zxid, raw []byte) error {
		txn, err := wire.DecodeTxn(raw)
		if err != nil || txn.Header.Op != wire.OpReconfig {
			return err
		}
		c, err := quorum.Parse(txn.Body.(*wire.SetDataTxn).Data)
		if err == nil && c.Version > active.Committed.Version {
			active.Proposed = c
		}
		return nil // what does not parse was refused as a configuration by everybody
	})
	if err != nil {
		m.log.Error("the log cannot be searched for configurations", zap.Error(err))
	}
	m.adopt(active)
}
