package pipeline

import (
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// A creation is what a create, create2, createContainer or createTTL asks for.
type creation struct {
	op   wire.OpCode
	path string
	data []byte
	acl  []wire.ACL
	mode wire.CreateMode
	ttl  int64 // milliseconds, or noTTL
}

// noTTL is the TTL of a request that has no such field.
const noTTL = -1

// create checks in ZooKeeper's order, which clients can see: flags and TTL,
// session, shape of the path, ACL, parent, permission on it, the whole path,
// existence, kind of parent, quota.
func (p *Preparer) create(ch *change, req *Request, c *creation) wire.Code {
	if code := p.checkMode(c); code != wire.OK {
		return code
	}
	if code := p.checkCreator(req, c); code != wire.OK {
		return code
	}
	if code := checkCreatePath(c.path); code != wire.OK {
		return code
	}
	acl, code := p.acls.FixupACL(c.acl, req.Auth)
	if code != wire.OK {
		return code
	}
	parent := &ch.parent
	if !p.node(parentOf(c.path), parent) {
		return wire.NoNode
	}
	if !p.acls.Allowed(parent.acl, req.Auth, wire.PermCreate) {
		return wire.NoAuth
	}
	if code := p.checkTarget(ch, c); code != wire.OK {
		return code
	}
	parent.cversion = max(parent.cversion, parent.cversion+1) // stays at the top, as the tree does
	parent.children++
	ch.node = nodeState{
		exists: true, ephemeral: c.mode.Ephemeral(), dataLen: int32(len(c.data)), owner: c.owner(req.Session),
	}
	ch.body, ch.inTree, ch.at = c.txn(acl, parent.cversion), true, parent.at
	return wire.OK
}

// checkMode refuses flags that do not exist or do not go with the opcode.
// Which of them a server must not let pass is stricter here than in ZooKeeper,
// where the opcode decides what is logged and the flags what is prepared: a
// createContainer or createTTL with the flags of another kind can end as a
// transaction that nobody can apply.
func (p *Preparer) checkMode(c *creation) wire.Code {
	switch {
	case !c.mode.Valid(),
		c.op == wire.OpCreateContainer && c.mode != wire.ModeContainer,
		c.op == wire.OpCreateTTL && !c.mode.TTL():
		return wire.BadArguments
	case !c.mode.TTL():
		return wire.OK
	case !p.opts.ExtendedTypes:
		return wire.Unimplemented
	case c.ttl < 1 || c.ttl > wire.MaxTTL:
		return wire.BadArguments
	}
	return wire.OK
}

// checkCreator checks the session. An ephemeral node needs one that every
// server knows.
func (p *Preparer) checkCreator(req *Request, c *creation) wire.Code {
	if c.mode.Ephemeral() && req.Refused != wire.OK {
		return req.Refused
	}
	return p.checkSession(req, c.mode.Ephemeral())
}

func checkCreatePath(path string) wire.Code {
	switch {
	case path == wire.NullString:
		return wire.MarshallingError
	case strings.IndexByte(path, '/') < 0 || strings.IndexByte(path, 0) >= 0:
		return wire.BadArguments
	}
	return wire.OK
}

// checkTarget names a sequential node and checks the final path.
func (p *Preparer) checkTarget(ch *change, c *creation) wire.Code {
	if c.mode.Sequential() {
		c.path = sequentialName(c.path, sequence(&ch.parent))
	}
	if !wire.ValidPath(c.path) {
		return wire.BadArguments
	}
	if p.node(c.path, &ch.node) {
		return wire.NodeExists
	}
	if ch.parent.ephemeral {
		return wire.NoChildrenForEphemerals
	}
	return p.checkQuota(c.path, int64(len(c.data)), 1)
}

// sequence is the number of children that a node ever had.
func sequence(parent *nodeState) int32 {
	if plant.In(plant.SequenceNotUnique) {
		return parent.children
	}
	return parent.cversion
}

// sequenceWidth is the least number of characters of a sequence number, the
// sign included.
const sequenceWidth = 10

// sequentialName appends a sequence number, padded with zeros.
func sequentialName(path string, n int32) string {
	const zeros = "0000000000"
	var digits [sequenceWidth + 1]byte
	b := make([]byte, 0, len(path)+len(digits))
	b = append(b, path...)
	v := int64(n)
	width := sequenceWidth
	if v < 0 {
		b = append(b, '-')
		v, width = -v, width-1
	}
	number := strconv.AppendInt(digits[:0], v, 10)
	b = append(b, zeros[:max(width-len(number), 0)]...)
	return string(append(b, number...))
}

// owner is the stored ephemeral owner. The opcode decides what is stored, not
// the flags: a plain create with the flags of a container makes a plain node.
func (c *creation) owner(s wire.SessionID) int64 {
	switch {
	case c.op == wire.OpCreateContainer:
		return wire.ContainerOwner
	case c.op == wire.OpCreateTTL:
		return wire.TTLOwner | c.ttl
	case c.mode.Ephemeral():
		return int64(s)
	}
	return 0
}

func (c *creation) txn(acl []wire.ACL, parentCversion int32) wire.Record {
	switch c.op {
	case wire.OpCreateContainer:
		return &wire.CreateContainerTxn{Path: c.path, Data: c.data, ACL: acl, ParentCversion: parentCversion}
	case wire.OpCreateTTL:
		return &wire.CreateTTLTxn{Path: c.path, Data: c.data, ACL: acl, ParentCversion: parentCversion, TTL: c.ttl}
	}
	return &wire.CreateTxn{Path: c.path, Data: c.data, ACL: acl, Ephemeral: c.mode.Ephemeral(), ParentCversion: parentCversion}
}
