package admin

import (
	"maps"
	"slices"
	"time"

	"github.com/zabra/zabra/wire"
)

// javaDate is how Java prints a date: Sun Nov 22 05:58:06 UTC 2026.
const javaDate = "Mon Jan 02 15:04:05 MST 2006"

func (a *Admin) wordCons(p *printer) {
	for _, c := range a.node.Connections() {
		printConnection(p, c)
		printSession(p, c)
		p.line(")")
	}
	p.line()
}

// printConnection writes the part of a connection's line that stat shows too,
// without the closing parenthesis.
func printConnection(p *printer, c Connection) {
	p.f(" /%s[%x](queued=%d,recved=%d,sent=%d", javaAddrPort(c.Remote), c.InterestOps, c.Queued, c.Received, c.Sent)
}

func printSession(p *printer, c Connection) {
	if c.Session == 0 {
		return
	}
	p.f(",sid=%s,lop=%s,est=%d,to=%d", c.Session, c.LastOp, c.Established.UnixMilli(), c.Timeout)
	if c.LastCxid >= 0 {
		p.f(",lcxid=0x%x", c.LastCxid)
	}
	p.f(",lzxid=%s,lresp=%d,llat=%d,minlat=%d,avglat=%d,maxlat=%d",
		c.LastZxid, c.LastResponse, c.LastLatency, c.MinLatency, c.AvgLatency, c.MaxLatency)
}

func (a *Admin) wordDump(p *printer) {
	p.line("SessionTracker dump:")
	printSessions(p, a.node.Sessions())
	p.line("ephemeral nodes dump:")
	printEphemerals(p, a.node.Ephemerals())
	p.line("Connections dump:")
	printExpiringConnections(p, a.node.Connections())
}

func printSessions(p *printer, s Sessions) {
	if s.HasLocal {
		p.WriteString("Local ")
		printExpiries(p, s.Local)
	}
	if s.Learner {
		p.f("Global Sessions(%d):\n", len(s.Timeouts))
		for _, t := range s.Timeouts {
			p.f("%s\t%dms\n", t.ID, t.Timeout)
		}
		return
	}
	if s.HasLocal {
		p.WriteString("Global ")
	}
	printExpiries(p, s.Global)
}

func printExpiries(p *printer, all []Expiry) {
	n := 0
	for _, e := range all {
		n += len(e.IDs)
	}
	p.f("Session Sets (%d)/(%d):\n", len(all), n)
	for _, e := range all {
		printExpireAt(p, len(e.IDs), e.At)
		for _, id := range e.IDs {
			p.f("\t%s\n", id)
		}
	}
}

func printExpireAt(p *printer, n int, at time.Time) {
	p.f("%d expire at %s:\n", n, at.Format(javaDate))
}

func printEphemerals(p *printer, by map[wire.SessionID][]string) {
	p.f("Sessions with Ephemerals (%d):\n", len(by))
	for _, id := range slices.Sorted(maps.Keys(by)) {
		p.f("%s:\n", id)
		for _, path := range by[id] {
			p.line("\t", path)
		}
	}
}

func printExpiringConnections(p *printer, all []Connection) {
	sets := map[time.Time][]Connection{}
	n := 0
	for _, c := range all {
		if !c.Expires.IsZero() {
			sets[c.Expires] = append(sets[c.Expires], c)
			n++
		}
	}
	p.f("Connections Sets (%d)/(%d):\n", len(sets), n)
	for _, at := range slices.SortedFunc(maps.Keys(sets), time.Time.Compare) {
		printExpireAt(p, len(sets[at]), at)
		for _, c := range sets[at] {
			p.f("\tip: /%s sessionId: %s\n", javaAddrPort(c.Remote), c.Session)
		}
	}
}

func (a *Admin) wordWchs(p *printer) {
	s := a.node.WatchSummary()
	p.f("%d connections watching %d paths\nTotal watches:%d\n", s.Connections, s.Paths, s.Total)
}

func (a *Admin) wordWchc(p *printer) {
	by := a.node.Watches()
	for _, id := range slices.Sorted(maps.Keys(by)) {
		p.line(id.String())
		for _, path := range by[id] {
			p.line("\t", path)
		}
	}
	p.line()
}

func (a *Admin) wordWchp(p *printer) {
	by := watchesByPath(a.node.Watches())
	for _, path := range slices.Sorted(maps.Keys(by)) {
		p.line(path)
		for _, id := range by[path] {
			p.line("\t", id.String())
		}
	}
	p.line()
}

// watchesByPath turns the watches by session round; the sessions of a path are
// ascending.
func watchesByPath(bySession map[wire.SessionID][]string) map[string][]wire.SessionID {
	by := map[string][]wire.SessionID{}
	for _, id := range slices.Sorted(maps.Keys(bySession)) {
		for _, path := range bySession[id] {
			by[path] = append(by[path], id)
		}
	}
	return by
}
