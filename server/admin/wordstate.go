package admin

import (
	"strconv"
	"strings"

	"github.com/zabra/zabra/server/metrics"
)

func (a *Admin) wordRuok(p *printer) { p.WriteString("imok") }

func (a *Admin) wordGtmk(p *printer) { p.f("%d", a.traceMask.Load()) }

func (a *Admin) wordIsro(p *printer) {
	switch s := a.node.Status(); {
	case !s.Serving:
		p.WriteString("null")
	case s.ReadOnly:
		p.WriteString("ro")
	default:
		p.WriteString("rw")
	}
}

func (a *Admin) wordSrst(p *printer) {
	a.metrics.Reset()
	p.line("Server stats reset.")
}

func (a *Admin) wordCrst(p *printer) {
	a.node.ResetConnectionStats()
	p.line("Connection stats reset.")
}

func (a *Admin) wordDirs(p *printer) {
	data, log := a.node.DirSizes()
	p.f("datadir_size: %d\nlogdir_size: %d\n", data, log)
}

func (a *Admin) wordHash(p *printer) {
	for _, d := range a.node.Digests() {
		p.f("%x: %d\n", int64(d.Zxid), int64(d.Digest))
	}
}

func (a *Admin) wordEnvi(p *printer) {
	p.line("Environment:")
	for _, e := range environment(a.node.Status().Version, a.opts.Memory) {
		p.line(e.key, "=", e.value)
	}
}

func (a *Admin) wordSrvr(p *printer) {
	s := a.node.Status()
	a.printHead(p, s)
	a.printState(p, s)
}

func (a *Admin) wordStat(p *printer) {
	s := a.node.Status()
	a.printHead(p, s)
	p.line("Clients:")
	for _, c := range a.node.Connections() {
		printConnection(p, c)
		p.line(")")
	}
	p.line()
	a.printState(p, s)
}

func (a *Admin) printHead(p *printer, s Status) {
	p.line("Zookeeper version: ", s.Version)
	if s.ReadOnly {
		p.line("READ-ONLY mode; serving only read-only clients")
	}
}

func (a *Admin) printState(p *printer, s Status) {
	latency := a.metrics.RequestLatency()
	p.f("Latency min/avg/max: %d/%s/%d\n", latency.Min, metrics.FormatDouble(latency.Avg), latency.Max)
	p.f("Received: %d\n", a.metrics.PacketsReceived.Load())
	p.f("Sent: %d\n", a.metrics.PacketsSent.Load())
	p.f("Connections: %d\n", s.Connections)
	p.f("Outstanding: %d\n", s.Outstanding)
	p.f("Zxid: %s\n", s.Zxid)
	p.line("Mode: ", s.Mode)
	p.f("Node count: %d\n", s.Nodes)
	if s.Mode == modeLeader {
		p.f("Proposal sizes last/min/max: %d/%d/%d\n",
			a.metrics.LastProposalSize.Load(), a.metrics.MinProposalSize.Load(), a.metrics.MaxProposalSize.Load())
	}
}

// modeLeader is Status.Mode of a leader.
const modeLeader = "leader"

func (a *Admin) wordMntr(p *printer) {
	for _, f := range a.monitorHead() {
		p.f("zk_%s\t%v\n", f.key, f.value)
	}
	p.Write(a.metrics.AppendMntr(nil))
}

// monitorHead is what mntr and monitor say before the metrics.
func (a *Admin) monitorHead() object {
	s := a.node.Status()
	head := object{{"version", s.Version}, {"server_state", s.Mode}}
	e := a.node.Ensemble()
	if e == nil {
		return head
	}
	head = append(head, field{"peer_state", e.PeerState})
	if e.HasObserverMaster {
		head = append(head, field{"observer_master_id", int64(e.ObserverMaster)})
	}
	return head
}

func (a *Admin) wordConf(p *printer) {
	c := a.node.Config()
	data, log := a.node.DirSizes()
	p.f("clientPort=%d\nsecureClientPort=%d\n", c.ClientPort, c.SecureClientPort)
	p.f("dataDir=%s\ndataDirSize=%d\ndataLogDir=%s\ndataLogSize=%d\n", c.DataDir, data, c.DataLogDir, log)
	p.f("tickTime=%d\nmaxClientCnxns=%d\n", c.TickTime, c.MaxClientCnxns)
	p.f("minSessionTimeout=%d\nmaxSessionTimeout=%d\n", c.MinSessionTimeout, c.MaxSessionTimeout)
	p.f("clientPortListenBacklog=%d\nserverId=%d\n", c.Backlog, c.ServerID)
	readOnly := a.node.Status().ReadOnly
	if a.node.Ensemble() == nil && !readOnly {
		return
	}
	p.f("initLimit=%d\nsyncLimit=%d\nelectionAlg=3\n", c.InitLimit, c.SyncLimit)
	p.f("electionPort=%s\nquorumPort=%s\n", joinPorts(c.ElectionPorts), joinPorts(c.QuorumPorts))
	p.f("peerType=%d\n", c.PeerType)
	if !readOnly {
		p.f("membership: \n%s", c.Membership)
	}
}

func joinPorts(ports []int) string {
	var out []string
	for _, p := range ports {
		out = append(out, strconv.Itoa(p))
	}
	return strings.Join(out, "|")
}
