package server

import (
	"net"
	"os"
	"os/user"
	"strings"

	"github.com/zabra/zabra/server/audit"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// An auditor writes what this server does into the audit log. A nil one does nothing.
type auditor struct {
	log     *audit.Log
	schemes *auth.Schemes
	account string // that the server runs under
}

// newAuditor is nil if there is to be no audit log.
func newAuditor(cfg zoocfg.Audit, schemes *auth.Schemes, log *zap.Logger) (*auditor, error) {
	if !cfg.Enable {
		return nil, nil
	}
	l, err := audit.Open(cfg.File, log.Named("audit"))
	if err != nil {
		return nil, err
	}
	return &auditor{log: l, schemes: schemes, account: account()}, nil
}

// account is who the server runs as.
func account() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

// hears is what the core tells of operations to, nil if there is nobody.
func (a *auditor) hears() func(pipeline.Audited) {
	if a == nil {
		return nil
	}
	return a.operation
}

func (a *auditor) operation(op pipeline.Audited) {
	e := audit.Event{Session: op.Session, Operation: operationName(op.Op), Znode: op.Path, Result: audit.Success}
	if op.Failed {
		e.Result = audit.Failure
	}
	if op.Op == wire.OpCloseSession {
		e.User = a.account
		a.log.Write(&e)
		return
	}
	e.User = a.users(op.IDs)
	e.IP, _, _ = net.SplitHostPort(op.Addr)
	if e.Operation == audit.Create {
		e.ZnodeType = audit.TypeOf(op.Mode)
	}
	e.ACL = audit.ACLText(op.ACL)
	a.log.Write(&e)
}

// users are the names of a client's identities.
func (a *auditor) users(ids []wire.ID) string {
	var names []string
	for _, c := range a.schemes.WhoAmI(ids) {
		if strings.TrimSpace(c.User) != "" {
			names = append(names, c.User)
		}
	}
	return strings.Join(names, ",")
}

func operationName(op wire.OpCode) string {
	switch op {
	case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL:
		return audit.Create
	case wire.OpDelete:
		return audit.Delete
	case wire.OpSetData:
		return audit.SetData
	case wire.OpSetACL:
		return audit.SetACL
	case wire.OpReconfig:
		return audit.Reconfig
	case wire.OpCloseSession:
		return audit.EphemeralRemoval
	}
	return audit.Multi
}

// server tells what the server itself does.
func (a *auditor) server(operation string, result audit.Result) {
	if a != nil {
		a.log.Write(&audit.Event{User: a.account, Operation: operation, Result: result})
	}
}

// close ends the log.
func (a *auditor) close() error {
	if a == nil {
		return nil
	}
	return a.log.Close()
}
