package inspect

import (
	"fmt"
	"strings"
	"time"

	"github.com/zabra/zabra/wire"
)

// An Entry is a transaction as people and scripts read it. Fields that the
// transaction does not have are left out of its JSON.
type Entry struct {
	Zxid    string    `json:"zxid,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Session string    `json:"session,omitempty"`
	Cxid    *int32    `json:"cxid,omitempty"`
	Op      string    `json:"op"`

	Path          string   `json:"path,omitempty"`
	Version       *int32   `json:"version,omitempty"`        // the node's after it: of the data, or for setACL of the ACL
	ParentCreated *int32   `json:"parent_created,omitempty"` // children ever created under the parent
	Owner         string   `json:"owner,omitempty"`          // ephemeral, container or ttl
	TTL           int64    `json:"ttl_ms,omitempty"`
	DataBytes     *int     `json:"data_bytes,omitempty"` // absent for null
	Data          []byte   `json:"data,omitempty"`       // the beginning of it; in JSON as base64
	ACL           []string `json:"acl,omitempty"`        // scheme:id:permissions, credentials left out
	Timeout       int32    `json:"timeout_ms,omitempty"` // of a new session
	Paths         []string `json:"paths,omitempty"`      // removed with a session
	Err           string   `json:"error,omitempty"`
	Code          int32    `json:"code,omitempty"`
	Ops           []Entry  `json:"ops,omitempty"` // of a multi
	Digest        string   `json:"digest,omitempty"`
}

// Describe makes an Entry of a transaction, with at most preview bytes of data.
// It aliases the transaction.
func Describe(txn *wire.Txn, preview int) Entry {
	h := &txn.Header
	cxid := int32(h.Cxid)
	e := Entry{
		Zxid: h.Zxid.String(), Time: time.UnixMilli(h.Time).UTC(), Session: h.Session.String(), Cxid: &cxid,
		Op: h.Op.String(),
	}
	e.body(h, txn.Body, preview)
	if txn.Digest != nil {
		e.Digest = fmt.Sprintf("%#x", uint64(txn.Digest.Digest))
	}
	return e
}

func (e *Entry) body(h *wire.TxnHeader, body wire.Record, preview int) {
	switch b := body.(type) {
	case *wire.CreateTxn:
		e.created(b.Path, b.Data, b.ACL, b.ParentCversion, preview)
		if b.Ephemeral {
			e.Owner = "ephemeral"
		}
	case *wire.CreateContainerTxn:
		e.created(b.Path, b.Data, b.ACL, b.ParentCversion, preview)
		e.Owner = "container"
	case *wire.CreateTTLTxn:
		e.created(b.Path, b.Data, b.ACL, b.ParentCversion, preview)
		e.Owner, e.TTL = "ttl", b.TTL
	case *wire.DeleteTxn:
		e.Path = b.Path
	case *wire.SetDataTxn:
		e.Path, e.Version = b.Path, &b.Version
		e.data(b.Data, preview)
	case *wire.SetACLTxn:
		e.Path, e.Version, e.ACL = b.Path, &b.Aversion, describeACL(b.ACL)
	case *wire.CheckVersionTxn:
		e.Path, e.Version = b.Path, &b.Version
	case *wire.CreateSessionTxn:
		e.Timeout = b.Timeout
	case *wire.CloseSessionTxn:
		e.Paths = b.Paths
	case *wire.ErrorTxn:
		e.Err, e.Code = b.Err.Error(), int32(b.Err)
	case *wire.MultiTxn:
		e.multi(h, b, preview)
	}
}

func (e *Entry) created(path string, data []byte, acl []wire.ACL, parentCreated int32, preview int) {
	e.Path, e.ParentCreated, e.ACL = path, &parentCreated, describeACL(acl)
	e.data(data, preview)
}

func (e *Entry) data(data []byte, preview int) {
	if data == nil {
		return
	}
	n := len(data)
	e.DataBytes, e.Data = &n, data[:min(n, preview)]
}

func (e *Entry) multi(h *wire.TxnHeader, m *wire.MultiTxn, preview int) {
	for _, sub := range m.Txns {
		op := Entry{Op: sub.Op.String()}
		txn, err := wire.DecodeSubTxn(*h, sub)
		if err != nil {
			op.Err = err.Error()
		} else {
			op.body(h, txn.Body, preview)
		}
		e.Ops = append(e.Ops, op)
	}
}

// describeACL leaves out what a digest id holds behind the name: it is the hash
// of a password.
func describeACL(acl []wire.ACL) []string {
	list := make([]string, 0, len(acl))
	for _, a := range acl {
		id := a.ID.ID
		if user, _, ok := strings.Cut(id, ":"); ok && a.ID.Scheme == "digest" {
			id = user + ":..."
		}
		list = append(list, a.ID.Scheme+":"+id+":"+perms(a.Perms))
	}
	return list
}

func perms(p int32) string {
	var b strings.Builder
	for i, letter := range "rwcda" {
		if p&(1<<i) != 0 {
			b.WriteRune(letter)
		}
	}
	return b.String()
}
