package admin

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/zabra/zabra/server/metrics"
)

func (a *Admin) configuration(*http.Request) response {
	c := a.node.Config()
	return ok(
		field{"client_port", c.ClientPort},
		field{"data_dir", c.DataDir},
		field{"data_log_dir", c.DataLogDir},
		field{"tick_time", c.TickTime},
		field{"max_client_cnxns", c.MaxClientCnxns},
		field{"min_session_timeout", c.MinSessionTimeout},
		field{"max_session_timeout", c.MaxSessionTimeout},
		field{"server_id", c.ServerID},
		field{"client_port_listen_backlog", c.Backlog},
	)
}

func (a *Admin) initialConfiguration(*http.Request) response {
	return ok(field{"initial_configuration", a.node.Config().Source})
}

func (a *Admin) systemProperties(*http.Request) response {
	properties := a.node.Config().Properties
	var fields object
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		fields = append(fields, field{key, properties[key]})
	}
	return ok(fields...)
}

func (a *Admin) environment(*http.Request) response {
	var fields object
	for _, e := range environment(a.node.Status().Version, a.opts.Memory) {
		fields = append(fields, field{e.key, e.value})
	}
	return ok(fields...)
}

func (a *Admin) dirs(*http.Request) response {
	data, log := a.node.DirSizes()
	return ok(field{"datadir_size", data}, field{"logdir_size", log})
}

func (a *Admin) getTraceMask(*http.Request) response {
	return ok(field{"tracemask", a.traceMask.Load()})
}

func (a *Admin) setTraceMask(r *http.Request) response {
	const usage = "setTraceMask requires long traceMask argument"
	query := r.URL.Query()
	if !query.Has("traceMask") {
		return ok(field{"error", usage})
	}
	arg := query.Get("traceMask")
	mask, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		return ok(field{"error", usage + ", got " + arg})
	}
	a.traceMask.Store(mask)
	return ok(field{"tracemask", mask})
}

func (a *Admin) hash(*http.Request) response {
	digests := list{}
	for _, d := range a.node.Digests() {
		digests = append(digests, object{
			{"zxid", d.Zxid}, {"digest", int64(d.Digest)}, {"digest_version", d.Version},
		})
	}
	return ok(field{"digests", digests})
}

// areYouOK names what keeps the server from serving all there is. It is OK all the
// same: to restart it would make things worse.
func (a *Admin) areYouOK(*http.Request) response {
	return response{err: a.node.Status().Trouble}
}

func (a *Admin) isReadOnly(*http.Request) response {
	return ok(field{"read_only", a.node.Status().ReadOnly})
}

func (a *Admin) lastSnapshot(*http.Request) response {
	zxid, seconds := int64(-1), int64(-1)
	if s, found := a.node.LastSnapshot(); found {
		zxid, seconds = int64(s.Zxid), s.Time.Unix()
	}
	return ok(field{"zxid", strconv.FormatUint(uint64(zxid), 16)}, field{"timestamp", seconds})
}

func (a *Admin) monitor(*http.Request) response {
	fields := a.monitorHead()
	a.metrics.Each(func(name string, v metrics.Value) { fields = append(fields, field{name, v}) })
	return ok(fields...)
}

func (a *Admin) statReset(*http.Request) response {
	a.metrics.Reset()
	return ok()
}

func (a *Admin) serverStats(*http.Request) response {
	s := a.node.Status()
	fields := object{
		{"version", s.Version},
		{"read_only", s.ReadOnly},
		{"server_stats", a.serverStatsObject(s)},
		{"client_response", a.responseSizes()},
	}
	if s.Mode == modeLeader {
		m := a.metrics
		fields = append(fields, field{"proposal_stats",
			bufferStats(m.LastProposalSize.Load(), m.MinProposalSize.Load(), m.MaxProposalSize.Load())})
	}
	return ok(append(fields, field{"node_count", s.Nodes})...)
}

func (a *Admin) serverStatsObject(s Status) object {
	m := a.metrics
	latency := m.RequestLatency()
	data, log := a.node.DirSizes()
	return object{
		{"packets_sent", m.PacketsSent.Load()},
		{"packets_received", m.PacketsReceived.Load()},
		{"fsync_threshold_exceed_count", m.FsyncThresholdExceed.Load()},
		{"client_response_stats", a.responseSizes()},
		{"provider_null", false},
		{"data_dir_size", data},
		{"log_dir_size", log},
		{"last_processed_zxid", s.Zxid},
		{"outstanding_requests", s.Outstanding},
		{"server_state", s.Mode},
		{"avg_latency", metrics.Float(latency.Avg)},
		{"max_latency", latency.Max},
		{"min_latency", latency.Min},
		{"num_alive_client_connections", s.Connections},
		{"uptime", s.Uptime.Milliseconds()},
		{"auth_failed_count", m.AuthFailed.Load()},
		{"non_mtlsremote_conn_count", m.NonMTLSRemoteConns.Load()},
		{"non_mtlslocal_conn_count", m.NonMTLSLocalConns.Load()},
	}
}

func (a *Admin) responseSizes() object { return bufferStats(a.metrics.ResponseSize.Load()) }

func bufferStats(last, smallest, largest int64) object {
	return object{
		{"last_buffer_size", last}, {"min_buffer_size", smallest}, {"max_buffer_size", largest},
	}
}

func (a *Admin) stats(r *http.Request) response {
	resp := a.serverStats(r)
	resp.fields = append(resp.fields, connectionLists(a.node.Connections(), brief)...)
	return resp
}
