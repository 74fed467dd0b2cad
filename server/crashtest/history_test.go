package crashtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/wire"
)

// A history replays a log with nothing but a map, and notes what must not be.
type history struct {
	t        testing.TB
	owners   map[string]wire.SessionID // of ephemeral nodes that live
	sessions map[wire.SessionID]bool   // true while open
	timeouts map[wire.SessionID]int64
	last     map[wire.SessionID]int64 // when the session last wrote, ms
	ended    int
	removed  int
}

// checkLog reads the log of a server that has stopped: every session ends once,
// and with it every ephemeral node that it still has, each of which is deleted
// once.
func checkLog(t testing.TB, d *daemon) {
	t.Helper()
	h := &history{t, map[string]wire.SessionID{}, map[wire.SessionID]bool{}, map[wire.SessionID]int64{}, map[wire.SessionID]int64{}, 0, 0}
	first := true
	for txn, err := range inspect.Transactions(osfs.FS{}, d.dirs(), inspect.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if first && txn.Header.Zxid != 1 {
			t.Fatalf("the log begins with %v: the test wants all of it", txn.Header.Zxid)
		}
		first = false
		h.txn(&txn.Header, txn.Body)
	}
	for path, owner := range h.owners {
		if !h.sessions[owner] {
			t.Errorf("%s lives, and its session %v has ended", path, owner)
		}
	}
	if h.ended == 0 || h.removed == 0 {
		t.Errorf("%d sessions ended and %d ephemeral nodes went: the test shows nothing", h.ended, h.removed)
	}
}

func (h *history) txn(head *wire.TxnHeader, body wire.Record) {
	switch b := body.(type) {
	case *wire.CreateSessionTxn:
		if _, known := h.sessions[head.Session]; known {
			h.t.Errorf("%v: session %v is created twice", head.Zxid, head.Session)
		}
		h.sessions[head.Session], h.timeouts[head.Session] = true, int64(b.Timeout)
	case *wire.CloseSessionTxn:
		h.closed(head, b)
		return
	case *wire.CreateTxn:
		h.created(head, b)
	case *wire.DeleteTxn:
		h.deleted(b.Path)
	case *wire.MultiTxn:
		h.multi(head, b)
	}
	h.last[head.Session] = head.Time
}

func (h *history) created(head *wire.TxnHeader, b *wire.CreateTxn) {
	if _, lives := h.owners[b.Path]; lives {
		h.t.Errorf("%v: %s is created and lives", head.Zxid, b.Path)
	}
	if !b.Ephemeral {
		return
	}
	if !h.sessions[head.Session] {
		h.t.Errorf("%v: %s is created by session %v, which has ended", head.Zxid, b.Path, head.Session)
	}
	h.owners[strings.Clone(b.Path)] = head.Session
}

func (h *history) deleted(path string) {
	if _, lives := h.owners[path]; lives {
		delete(h.owners, path)
		h.removed++
	}
}

func (h *history) multi(head *wire.TxnHeader, m *wire.MultiTxn) {
	if slices.ContainsFunc(m.Txns, func(s wire.SubTxn) bool { return s.Op == wire.OpError }) {
		return
	}
	for _, sub := range m.Txns {
		txn, err := wire.DecodeSubTxn(*head, sub)
		if err != nil {
			h.t.Fatal(err)
		}
		h.txn(&txn.Header, txn.Body)
	}
}

func (h *history) closed(head *wire.TxnHeader, b *wire.CloseSessionTxn) {
	id := head.Session
	if !h.sessions[id] {
		h.t.Errorf("%v: session %v ends, and is not open", head.Zxid, id)
	}
	h.sessions[id] = false
	h.ended++
	if early := h.last[id] + h.timeouts[id] - head.Time; head.Cxid == 0 && early > 100 {
		h.t.Errorf("%v: session %v expires %d ms early", head.Zxid, id, early)
	}
	for _, path := range b.Paths {
		if h.owners[path] != id {
			h.t.Errorf("%v: the end of session %v removes %s, which belongs to %v", head.Zxid, id, path, h.owners[path])
		}
		h.deleted(path)
	}
	for path, owner := range h.owners {
		if owner == id {
			h.t.Errorf("%v: the end of session %v leaves %s", head.Zxid, id, path)
		}
	}
}
