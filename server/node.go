package server

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/admin"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/conn"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/tlsconf"
	"github.com/zabra/zabra/watch"
	"github.com/zabra/zabra/wire"
)

// node shows a Server to the admin commands.
type node struct{ s *Server }

var _ admin.Node = node{}

func (n node) Status() admin.Status {
	st := admin.Status{
		Version: versionLine(), Serving: n.s.serving.Load() && n.s.core.Serving(), Mode: "standalone",
		Connections: n.s.connections(), Outstanding: n.s.core.Outstanding(), Uptime: time.Since(n.s.started),
	}
	st.Trouble = n.s.Trouble()
	// The root counts twice, as in znode_count: so ZooKeeper counts it.
	n.s.core.View(func(t *datatree.Tree) { st.Zxid, st.Nodes = t.LastZxid(), t.NodeCount()+1 })
	if n.s.member != nil {
		now := n.s.member.stand()
		st.Mode, st.ReadOnly = now.mode(), now.readOnly
		if now.state == wire.Leading { // whose epoch begins with a zxid of no transaction
			st.Zxid = max(st.Zxid, wire.MakeZxid(now.epoch, 0))
		}
	}
	return st
}

func (n node) Config() admin.Config {
	c := n.s.cfg
	props := map[string]string{}
	for _, s := range c.Settings() {
		props["zookeeper."+s.Key] = s.Value
	}
	view := admin.Config{
		ClientPort: c.ClientPort, SecureClientPort: c.SecureClientPort,
		DataDir: layoutOf(c).StoreDir(), DataLogDir: layoutOf(c).LogDir(),
		TickTime: int(c.TickTime.Milliseconds()), MaxClientCnxns: c.Limits.MaxClientCnxns,
		MinSessionTimeout: int(c.MinSessionTimeout.Milliseconds()), MaxSessionTimeout: int(c.MaxSessionTimeout.Milliseconds()),
		Backlog: c.ClientPortListenBacklog, Source: c.InitialConfiguration(), Properties: props,
	}
	if n.s.member != nil {
		n.s.member.memberConfig(&view)
	}
	return view
}

func (n node) DirSizes() (data, log int64) {
	dirs := layoutOf(n.s.cfg)
	return dirSize(dirs.StoreDir()), dirSize(dirs.LogDir())
}

func (n node) Connections() []admin.Connection {
	var list []admin.Connection
	for _, p := range n.s.ports {
		for _, c := range p.List() {
			list = append(list, n.connection(c))
		}
	}
	return list
}

func (n node) connection(c conn.Connection) admin.Connection {
	a := admin.Connection{Secure: c.Secure, InterestOps: 1, LastOp: "NA", LastCxid: -1}
	if tcp, ok := c.Remote.(*net.TCPAddr); ok {
		a.Remote = netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap(), tcp.AddrPort().Port())
	}
	if c.Client == nil {
		return a
	}
	st := c.Client.Stats()
	a.Queued, a.Received, a.Sent = int64(c.Client.Queued()), st.Received, st.Sent
	a.Session, a.Established, a.Timeout = c.Client.Session(), st.Established, int64(c.Client.Timeout())
	a.LastZxid, a.LastResponse = st.LastZxid, st.LastResponse.Milliseconds()
	a.LastOp = pipeline.Info(st.LastOp).LastOp
	if st.HasCxid {
		a.LastCxid = int64(st.LastCxid)
	}
	a.LastLatency, a.MinLatency = st.LastLatency.Milliseconds(), st.MinLatency.Milliseconds()
	a.AvgLatency, a.MaxLatency = st.AvgLatency().Milliseconds(), st.MaxLatency.Milliseconds()
	return a
}

func (n node) ResetConnectionStats() {
	for _, c := range n.s.core.Clients() {
		c.ResetStats()
	}
}

// errShed is why a connection ends that an operator wanted elsewhere.
var errShed = errors.New("server: connection was shed by an operator")

func (n node) ShedConnections(percent int) int {
	shed := 0
	for _, c := range n.s.core.Clients() {
		if rand.IntN(100) < percent {
			c.Kill(errShed)
			shed++
		}
	}
	return shed
}

func (n node) Sessions() admin.Sessions {
	var s admin.Sessions
	if n.s.member != nil {
		var local []pipeline.SessionDump
		local, s.HasLocal = n.s.core.LocalSessions()
		s.Local = expiries(local)
	}
	if m := n.s.member; m != nil && m.stand().state != wire.Leading {
		s.Learner = true
		n.s.core.View(func(t *datatree.Tree) {
			for id, timeout := range t.Sessions() {
				s.Timeouts = append(s.Timeouts, admin.SessionLimit{ID: id, Timeout: timeout})
			}
		})
		return s
	}
	s.Global = expiries(n.s.core.Sessions())
	return s
}

func expiries(dump []pipeline.SessionDump) (list []admin.Expiry) {
	for _, d := range dump {
		list = append(list, admin.Expiry{At: d.Deadline, IDs: d.IDs})
	}
	return list
}

func (n node) Ephemerals() map[wire.SessionID][]string {
	m := map[wire.SessionID][]string{}
	n.s.core.View(func(t *datatree.Tree) {
		for id := range t.EphemeralOwners() {
			m[id] = t.Ephemerals(id)
		}
	})
	return m
}

func (n node) Watches() map[wire.SessionID][]string { return n.s.core.WatchedPaths() }

func (n node) WatchSummary() admin.WatchSummary {
	var sum watch.Summary
	n.s.core.Watches(func(m *watch.Manager) { sum = m.Summary() })
	return admin.WatchSummary{Connections: sum.Watchers, Paths: sum.Paths, Total: sum.Watches}
}

func (n node) Digests() []admin.Digest {
	var list []admin.Digest
	n.s.core.View(func(t *datatree.Tree) {
		for _, d := range t.Digests() {
			list = append(list, admin.Digest{Zxid: d.Zxid, Digest: d.Digest, Version: digestVersion})
		}
	})
	return list
}

// digestVersion is that of ZooKeeper's present digest.
const digestVersion = 2

func (n node) ResetObserverStats() {
	if m := n.s.member; m != nil {
		if l, ok := m.stand().role.(*learners); ok {
			l.each(func(c *learnerConn) { c.resetStats() })
		}
	}
}

func (n node) Authenticate(c admin.Credentials) ([]wire.ID, bool) {
	peer := auth.Peer{IP: auth.IPID(c.Remote)}
	if len(c.Certs) > 0 {
		dn, err := tlsconf.SubjectName(c.Certs[0])
		if err != nil {
			return nil, false
		}
		peer.X509 = n.s.schemes.X509IDs(dn)
	}
	ids, err := n.s.schemes.Authenticate(c.Scheme, c.Data, peer)
	return ids, err == nil
}

func (n node) Allowed(ids []wire.ID, perm int32) bool {
	var acl []wire.ACL
	n.s.core.View(func(t *datatree.Tree) {
		root, _ := t.Find("/")
		acl = t.ACL(root)
	})
	return n.s.schemes.Allowed(acl, ids, perm)
}

func (n node) LastSnapshot() (admin.Snapshot, bool) { return n.s.data.lastCheckpoint() }

func (n node) TakeSnapshot(ctx context.Context) (admin.SnapshotFile, error) {
	return n.s.data.takeSnapshot(ctx, n.s.core)
}

// errRestoreAlone refuses what would make this server differ from the others.
var errRestoreAlone = &admin.RefusedError{Reason: "a member of an ensemble cannot restore a snapshot, since the other members " +
	"would not have it; restore it into a server that stands alone, and copy its directories to all members before they start"}

func (n node) Restore(ctx context.Context, r io.Reader) (wire.Zxid, error) {
	if n.s.member != nil {
		return 0, errRestoreAlone
	}
	return n.s.restore(ctx, r)
}
