package admin

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

func (a *Admin) leader(*http.Request) response {
	e := a.node.Ensemble()
	if e == nil {
		return ok(field{"error", "server is not initialized"})
	}
	return ok(
		field{"is_leader", a.node.Status().Mode == modeLeader},
		field{"leader_id", e.LeaderID},
		field{"leader_ip", e.LeaderIP},
	)
}

func (a *Admin) observers(*http.Request) response {
	all := list{}
	if e := a.node.Ensemble(); e != nil {
		for _, o := range e.Observers {
			all = append(all, observer(o))
		}
	}
	return ok(field{"synced_observers", len(all)}, field{"observers", all})
}

func observer(o Observer) object {
	return object{
		{"remote_socket_address", "/" + javaAddrPort(o.Remote)},
		{"sid", o.ID},
		{"established", o.Established.UnixMilli()},
		{"queued_packets", o.QueuedPackets},
		{"queued_packets_size", o.QueuedBytes},
		{"packets_received", o.Received},
		{"packets_sent", o.Sent},
		{"requests", o.Requests},
		{"last_zxid", o.LastZxid},
	}
}

func (a *Admin) observerStatReset(*http.Request) response {
	a.node.ResetObserverStats()
	return ok()
}

func (a *Admin) votingView(*http.Request) response {
	var members object
	if e := a.node.Ensemble(); e != nil {
		for _, m := range e.VotingView {
			members = append(members, field{strconv.FormatInt(int64(m.ID), 10), member(m)})
		}
	}
	return ok(field{"current_config", members})
}

func member(m Member) object {
	kind := "participant"
	if m.Observer {
		kind = "observer"
	}
	return object{
		{"server_addresses", stringList(m.Servers)},
		{"election_addresses", stringList(m.Election)},
		{"client_address", m.Client},
		{"learner_type", kind},
	}
}

func (a *Admin) zabState(*http.Request) response {
	e := a.node.Ensemble()
	if e == nil {
		return ok(field{"voting", false}, field{"zabstate", ""})
	}
	s := a.node.Status()
	return ok(
		field{"myid", a.node.Config().ServerID},
		field{"is_leader", s.Mode == modeLeader},
		field{"quorum_address", addressSet(e.Quorum)},
		field{"election_address", addressSet(e.Election)},
		field{"client_address", e.Client},
		field{"voting", e.Voting},
		field{"last_zxid", s.Zxid.String()},
		field{"zab_epoch", int64(s.Zxid.Epoch())},
		field{"zab_counter", int64(s.Zxid.Counter())},
		field{"zabstate", e.ZabState},
	)
}

// addressSet shows the addresses of one server as ZooKeeper shows its own type
// for them. Which of them can be reached is not tried out: all are said to be.
func addressSet(all []netip.AddrPort) object {
	var addrs, wild, hosts []string
	ports := list{}
	for _, a := range all {
		port := strconv.Itoa(int(a.Port()))
		addrs = append(addrs, javaAddrPort(a))
		hosts = append(hosts, javaAddr(a.Addr()))
		if w := "0.0.0.0:" + port; !slices.Contains(wild, w) {
			wild = append(wild, w)
			ports = append(ports, int(a.Port()))
		}
	}
	first := any(nil)
	if len(addrs) > 0 {
		first = addrs[0]
	}
	return object{
		{"empty", len(all) == 0},
		{"all_addresses", stringList(addrs)},
		{"wildcard_addresses", stringList(wild)},
		{"all_ports", ports},
		{"all_host_strings", stringList(hosts)},
		{"reachable_address", first},
		{"all_reachable_addresses", stringList(addrs)},
		{"all_reachable_addresses_or_all", stringList(addrs)},
		{"reachable_or_one", first},
		{"one", first},
	}
}

func stringList(all []string) list {
	out := list{}
	for _, s := range all {
		out = append(out, s)
	}
	return out
}
