package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// What clients ask for.

func (c *client) value() []byte {
	c.values++
	return fmt.Appendf(nil, "%d.%d", c.id, c.values)
}

func (c *client) anyPath() string { return fmt.Sprintf("/n%d", c.rng.IntN(5)) }

func (c *client) doSomething() {
	if c.closing {
		return
	}
	if c.id >= c.opts.Clients-c.opts.Readers {
		c.syncAndGet()
		return
	}
	if c.id == 0 && c.opts.Reconfig && c.rng.IntN(c.opts.ReconfigRate) == 0 {
		c.reconfigure()
		return
	}
	switch p := c.rng.IntN(100); {
	case p < 22:
		c.set(registers[c.rng.IntN(len(registers))], -1)
	case p < 30:
		path := registers[c.rng.IntN(len(registers))]
		c.set(path, c.rng.Int32N(int32(len(c.ledger.delivered)/8+2)))
	case p < 34:
		c.set(c.anyPath(), -1)
	case p < 44:
		c.create(c.anyPath(), wire.ModePersistent)
	case p < 50:
		c.create(c.anyPath(), wire.ModeEphemeral)
	case p < 53:
		c.create("/q/e", wire.ModeEphemeralSequential)
	case p < 54:
		c.watchForGood()
	case p < 62:
		c.remove(c.anyPath())
	case p < 67:
		c.multi()
	case p < 73:
		c.syncAndGet()
	case p < 77:
		c.secrets()
	case p < 79:
		c.perishable()
	case p < 83:
		c.get(registers[c.rng.IntN(len(registers))])
	case p < 89:
		c.get(c.anyPath())
	case p < 94:
		c.lookAt(wire.OpExists, c.anyPath())
	case p < 98:
		c.lookAt(wire.OpGetChildren2, [...]string{"/", "/q"}[c.rng.IntN(2)])
	case p < 99 && c.rng.IntN(4) == 0:
		c.closing = true
		c.ask(&history.Op{Op: wire.OpCloseSession}, nil)
	case p < 100 && c.rng.IntN(4) == 0:
		c.say("moves to another server")
		c.lost()
		c.closing = false
	}
}

// syncAndGet reads what is not older than anything that was answered before.
func (c *client) syncAndGet() {
	path := registers[c.rng.IntN(len(registers))]
	c.ask(&history.Op{Op: wire.OpSync, Path: path}, &wire.PathRequest{Path: path})
	c.get(path)
}

// reconfigure makes some server a voter, or an observer, or removes it, so that
// there are always three voters.
func (c *client) reconfigure() {
	now := c.ledger.active.Committed
	if now.Version == 0 {
		return
	}
	id := wire.SID(1 + c.rng.IntN(len(c.servers)))
	line, _ := c.config.Server(id)
	r := &wire.ReconfigRequest{CurConfigID: -1, Joining: wire.NullString, Leaving: wire.NullString, NewMembers: wire.NullString}
	if c.opts.Joins {
		r.CurConfigID = now.Version // else two at once could leave too few voters
	}
	deed := ""
	switch remove, observe := c.rng.IntN(2) == 0, c.rng.IntN(2) == 0; {
	case !now.IsMember(id) && observe:
		line.Role, deed = quorum.Observer, "observer added"
		r.Joining = fmt.Sprintf("server.%d=%s", id, line)
	case now.IsMember(id) && !now.IsVoter(id) && remove:
		deed = "observer removed"
		r.Leaving = fmt.Sprint(id)
	case !now.IsVoter(id):
		line.Role = quorum.Participant
		r.Joining = fmt.Sprintf("server.%d=%s", id, line)
	case len(now.Voters()) <= 3:
		return
	case remove && len(now.Voters()) > 4 && c.opts.Joins:
		deed, r.Leaving = "several removed", c.several(id, now)
	case remove:
		r.Leaving = fmt.Sprint(id)
	default:
		line.Role = quorum.Observer
		r.Joining = fmt.Sprintf("server.%d=%s", id, line)
	}
	if r.Joining == wire.NullString || c.opts.Joins {
		o := &history.Op{Op: wire.OpReconfig, Path: "/zookeeper/config", Deed: deed}
		if r.Leaving != wire.NullString {
			o.Data = []byte(r.Leaving)
		}
		c.ask(o, r)
	}
}

// left checks that those who were to leave are not in the configuration that a
// reconfiguration was answered with (I20).
func (c *client) left(o *history.Op) {
	made, err := quorum.Parse(o.Value)
	if err != nil {
		c.fail("I20", "a reconfiguration was answered with no configuration: %v", err)
	}
	for _, s := range made.Servers {
		if slices.Contains(strings.Split(string(o.Data), ","), fmt.Sprint(s.ID)) {
			c.fail("I20", "servers %s were to leave, and %d is in configuration %#x", o.Data, s.ID, made.Version)
		}
	}
}

// several are a voter and one more member, which leaves three voters of five.
func (c *client) several(id wire.SID, now quorum.Config) string {
	for i := range now.Servers {
		if s := &now.Servers[(i+int(id))%len(now.Servers)]; s.ID != id {
			return fmt.Sprintf("%d,%d", id, s.ID)
		}
	}
	return fmt.Sprint(id)
}

// watchForGood sets a watch that stays.
func (c *client) watchForGood() {
	o := &history.Op{Op: wire.OpAddWatch, Path: [...]string{"/q", "/n0", "/c0", registers[0]}[c.rng.IntN(4)]}
	if c.rng.IntN(3) == 0 {
		o.AddMode, o.Path = wire.WatchPersistentRecursive, [...]string{"/", "/q", "/c1"}[c.rng.IntN(3)]
	}
	c.ask(o, &wire.AddWatchRequest{Path: o.Path, Mode: o.AddMode})
}

// secrets makes and reads nodes that only their maker may read.
func (c *client) secrets() {
	path := fmt.Sprintf("/p%d", c.rng.IntN(3))
	switch c.rng.IntN(4) {
	case 0:
		v := c.value()
		own := []wire.ACL{{Perms: wire.PermAll, ID: wire.ID{Scheme: "digest", ID: digest(c.credentials())}}}
		c.ask(&history.Op{Op: wire.OpCreate, Path: path, Data: v, Secret: true}, &wire.CreateRequest{Path: path, Data: v, ACL: own})
	case 1:
		c.ask(&history.Op{Op: wire.OpExists, Path: path}, &wire.PathWatchRequest{Path: path})
	case 2:
		c.remove(path)
	default:
		c.ask(&history.Op{Op: wire.OpGetData, Path: path}, &wire.PathWatchRequest{Path: path})
	}
}

// ttlNode lives for ttl after its last change.
const (
	ttlNode = "/t0"
	ttl     = 3 * time.Second
)

// perishable makes and changes nodes that the ensemble removes by itself.
func (c *client) perishable() {
	v, box := c.value(), fmt.Sprintf("/c%d", c.rng.IntN(2))
	switch c.rng.IntN(6) {
	case 0:
		c.ask(&history.Op{Op: wire.OpCreateContainer, Path: box, Data: v, Mode: wire.ModeContainer},
			&wire.CreateRequest{Path: box, Data: v, ACL: open, Flags: int32(wire.ModeContainer)})
	case 1, 2:
		c.create(box+"/x", wire.ModePersistent)
	case 3:
		c.remove(box + "/x")
	case 4:
		c.ask(&history.Op{Op: wire.OpCreateTTL, Path: ttlNode, Data: v, Mode: wire.ModePersistentTTL},
			&wire.CreateTTLRequest{Path: ttlNode, Data: v, ACL: open, Flags: int32(wire.ModePersistentTTL), TTL: ttl.Milliseconds()})
	default:
		c.set(ttlNode, -1)
	}
}

func (c *client) remove(path string) {
	c.ask(&history.Op{Op: wire.OpDelete, Path: path, Version: -1}, &wire.PathVersionRequest{Path: path, Version: -1})
}

func (c *client) set(path string, version int32) {
	v := c.value()
	c.ask(&history.Op{Op: wire.OpSetData, Path: path, Data: v, Version: version},
		&wire.SetDataRequest{Path: path, Data: v, Version: version})
}

func (c *client) create(path string, mode wire.CreateMode) {
	v := c.value()
	c.ask(&history.Op{Op: wire.OpCreate, Path: path, Data: v, Mode: mode},
		&wire.CreateRequest{Path: path, Data: v, ACL: open, Flags: int32(mode)})
}

var open = []wire.ACL{{Perms: wire.PermAll, ID: wire.ID{Scheme: "world", ID: "anyone"}}}

func (c *client) get(path string) { c.lookAt(wire.OpGetData, path) }

func (c *client) lookAt(op wire.OpCode, path string) {
	watched := c.rng.IntN(3) == 0
	c.ask(&history.Op{Op: op, Path: path, Watch: watched}, &wire.PathWatchRequest{Path: path, Watch: watched})
}

func (c *client) multi() {
	path := c.anyPath()
	ops := []wire.MultiOp{
		{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: "/m", Data: c.value(), Version: -1}},
		{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: path, Data: c.value(), ACL: open}},
		{Op: wire.OpDelete, Body: &wire.PathVersionRequest{Path: c.anyPath(), Version: -1}},
	}
	if c.rng.IntN(2) == 0 {
		register := registers[c.rng.IntN(len(registers))]
		check := wire.MultiOp{Op: wire.OpCheck, Body: &wire.PathVersionRequest{Path: register, Version: c.versions[register]}}
		ops = []wire.MultiOp{check, ops[0]}
	}
	c.ask(&history.Op{Op: wire.OpMulti, Multi: ops}, nil)
}
