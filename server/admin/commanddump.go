package admin

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/zabra/zabra/wire"
)

func (a *Admin) connections(*http.Request) response {
	return ok(connectionLists(a.node.Connections(), full)...)
}

// connectionLists are the connections of the plain and of the TLS port.
func connectionLists(all []Connection, show func(Connection) object) object {
	plain, secure := list{}, list{}
	for _, c := range all {
		if c.Secure {
			secure = append(secure, show(c))
		} else {
			plain = append(plain, show(c))
		}
	}
	return object{{"connections", plain}, {"secure_connections", secure}}
}

func brief(c Connection) object {
	return object{
		{"remote_socket_address", javaAddrPort(c.Remote)},
		{"interest_ops", c.InterestOps},
		{"outstanding_requests", c.Queued},
		{"packets_received", c.Received},
		{"packets_sent", c.Sent},
	}
}

func full(c Connection) object {
	return append(brief(c), object{
		{"session_id", c.Session},
		{"last_operation", c.LastOp},
		{"established", c.Established.UnixMilli()},
		{"session_timeout", c.Timeout},
		{"last_cxid", c.LastCxid},
		{"last_zxid", c.LastZxid},
		{"last_response_time", c.LastResponse},
		{"last_latency", c.LastLatency},
		{"min_latency", c.MinLatency},
		{"avg_latency", c.AvgLatency},
		{"max_latency", c.MaxLatency},
	}...)
}

func (a *Admin) connectionStatReset(*http.Request) response {
	a.node.ResetConnectionStats()
	return ok()
}

func (a *Admin) dump(*http.Request) response {
	return ok(
		field{"expiry_time_to_session_ids", expiryMap(a.node.Sessions())},
		field{"session_id_to_ephemeral_paths", pathsBySession(a.node.Ephemerals())},
	)
}

// expiryMap merges the sessions that this server expires, local ones included.
func expiryMap(s Sessions) object {
	at := map[int64]list{}
	for _, e := range append(slices.Clone(s.Local), s.Global...) {
		ms := e.At.UnixMilli()
		for _, id := range e.IDs {
			at[ms] = append(at[ms], id)
		}
	}
	var o object
	for _, ms := range slices.Sorted(maps.Keys(at)) {
		o = append(o, field{strconv.FormatInt(ms, 10), at[ms]})
	}
	return o
}

func pathsBySession(by map[wire.SessionID][]string) object {
	var o object
	for _, id := range slices.Sorted(maps.Keys(by)) {
		paths := list{}
		for _, path := range by[id] {
			paths = append(paths, path)
		}
		o = append(o, field{strconv.FormatInt(int64(id), 10), paths})
	}
	return o
}

func (a *Admin) watches(*http.Request) response {
	return ok(field{"session_id_to_watched_paths", pathsBySession(a.node.Watches())})
}

func (a *Admin) watchesByPath(*http.Request) response {
	by := watchesByPath(a.node.Watches())
	var o object
	for _, path := range slices.Sorted(maps.Keys(by)) {
		ids := list{}
		for _, id := range by[path] {
			ids = append(ids, id)
		}
		o = append(o, field{path, ids})
	}
	return ok(field{"path_to_session_ids", o})
}

func (a *Admin) watchSummary(*http.Request) response {
	s := a.node.WatchSummary()
	return ok(
		field{"num_connections", s.Connections},
		field{"num_paths", s.Paths},
		field{"num_total_watches", s.Total},
	)
}
