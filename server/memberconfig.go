package server

import (
	"encoding/binary"

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
	m.server.configs.inForce(active.Committed) // before anything is said in its name
	m.votes.SetServers(m.electionServers())
	m.move()
	m.machine.Reconfigure(m.now(), active)
	if !old.Committed.Equal(active.Committed) {
		m.log.Info("the configuration of the ensemble has changed", zap.Int64("version", active.Committed.Version),
			zap.String("servers", active.Committed.String()))
	}
}

// recall goes back to what is on disk, when nothing is being written there.
func (m *member) recall() {
	if !m.server.cfg.Ensemble.ReconfigEnabled {
		return
	}
	active := m.remembered()
	m.server.configs.recalled(active)
	m.adopt(active)
}

// remembered finds the configurations that count in what is known here: of the files,
// of what was heard, of the tree and of the log.
func (m *member) remembered() quorum.Active {
	if !m.server.cfg.Ensemble.ReconfigEnabled {
		return m.active
	}
	k := known{committed: []quorum.Config{m.active.Committed}, next: m.server.cfg.Ensemble.Next}
	var applied wire.Zxid
	m.server.core.View(func(t *datatree.Tree) {
		applied = t.LastZxid()
		if c, err := quorum.Parse(t.Config()); err == nil {
			k.committed = append(k.committed, c)
		}
	})
	last := m.server.data.log.Last()
	k.logged = last > 0
	err := m.server.data.Read(zab.Range{After: applied, To: last}, func(_ wire.Zxid, raw []byte) error {
		if c, ok := reconfiguration(raw); ok {
			k.proposed = append(k.proposed, c)
		}
		return nil
	})
	if err != nil {
		m.log.Error("the log cannot be searched for configurations", zap.Error(err))
	}
	return k.active()
}

// known is what a server knows of configurations.
type known struct {
	committed []quorum.Config
	proposed  []quorum.Config // in the log, behind what is committed, in order
	next      quorum.Config   // in the file for what is proposed; no servers: none
	logged    bool            // there is a log
}

// active chooses: the newest that is committed, also that before the last one that was
// proposed, and the last one proposed. Where there
// is no log at all, because Apache's server was here before, the file counts in its
// place. Else the log knows better: what it does not hold has been decided against.
func (k known) active() quorum.Active {
	var a quorum.Active
	for i, c := range k.committed {
		if i == 0 || c.Version > a.Committed.Version {
			a.Committed = c
		}
	}
	if !k.logged {
		k.proposed = append(k.proposed, k.next)
	}
	for _, c := range k.proposed {
		a = a.Behind(c)
	}
	return a
}

// reconfiguration returns the configuration that a transaction makes, if it makes one.
// What is malformed was refused as a configuration by everybody.
func reconfiguration(raw []byte) (quorum.Config, bool) {
	if !isReconfiguration(raw) {
		return quorum.Config{}, false
	}
	txn, err := wire.DecodeTxn(raw)
	if err != nil {
		return quorum.Config{}, false
	}
	body, ok := txn.Body.(*wire.SetDataTxn)
	if !ok {
		return quorum.Config{}, false
	}
	c, err := quorum.Parse(body.Data)
	return c, err == nil
}

// isReconfiguration looks at the type in a transaction's header, and at nothing else.
func isReconfiguration(raw []byte) bool {
	const typeAt = 28
	return len(raw) >= typeAt+4 && wire.OpCode(binary.BigEndian.Uint32(raw[typeAt:])) == wire.OpReconfig
}
