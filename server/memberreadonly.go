package server

import (
	"time"

	"go.uber.org/zap"
)

// minReadOnlyDelay is how long a server looks for a leader at least before it serves
// read-only clients.
const minReadOnlyDelay = 2 * time.Second

// readOnlySoon lets read-only clients be served if this election lasts longer than an
// election does while there is a quorum. It is the clients' business alone: the votes
// of this server, and what it vouches for, stay what they are.
func (m *member) readOnlySoon() {
	if !m.server.cfg.ReadOnlyMode {
		return
	}
	search := m.since
	time.AfterFunc(max(minReadOnlyDelay, m.server.cfg.TickTime), func() {
		m.mail.put(func() {
			if m.role == nil && m.leader < 0 && m.since.Equal(search) {
				m.beginReadOnly()
			}
		})
	})
}

func (m *member) beginReadOnly() {
	if m.server.data.untrusted.Load() {
		m.log.Warn("nobody is served read-only: this server is empty, or its files were damaged")
		return
	}
	decided, err := m.server.data.decided()
	if err != nil {
		m.log.Warn("read-only clients are shown the last checkpoint", zap.Error(err))
	}
	search := m.since
	m.server.core.ServeReadOnly(m.server.data, decided, func(err error) {
		m.mail.put(func() {
			if m.role == nil && m.leader < 0 && m.since.Equal(search) {
				m.servesReadOnly(err)
			}
		})
	})
}

func (m *member) servesReadOnly(err error) {
	if err != nil {
		m.log.Warn("nobody is served read-only", zap.Error(err))
		return
	}
	m.shows()
	m.log.Warn("serving read-only clients: no leader was found", zap.Duration("looked for", time.Since(m.since)))
}

// endReadOnly drops the read-only clients: they shall find out that the server can do
// more now, or will follow somebody who can.
func (m *member) endReadOnly() {
	if !m.server.cfg.ReadOnlyMode {
		return
	}
	m.server.core.EndReadOnly()
	if s := m.stand(); s.readOnly {
		m.server.memberGauges()
		m.log.Info("read-only clients are served no longer")
	}
}
