package bench

import (
	"time"

	"github.com/zabra/zabra/wire"
)

// A Result is what one run measured. Its JSON form is what --json prints.
type Result struct {
	Workload    string  `json:"workload"`
	Server      string  `json:"server"` // as given, host:port[,…]
	Connections int     `json:"connections"`
	Outstanding int     `json:"outstanding"`
	Size        int     `json:"size_bytes"`
	Rate        float64 `json:"rate_limit,omitempty"`

	Seconds     float64 `json:"seconds"` // measured
	Ops         uint64  `json:"ops"`     // answered without error while measuring
	OpsPerSec   float64 `json:"ops_per_second"`
	Interrupted bool    `json:"interrupted,omitempty"` // ended before its time

	Latency *Latency `json:"latency,omitempty"`
	Reads   *Latency `json:"reads,omitempty"`  // mixed only
	Writes  *Latency `json:"writes,omitempty"` // mixed only

	Errors       map[string]uint64 `json:"errors,omitempty"` // by name, warm-up included
	Lost         int               `json:"lost_connections,omitempty"`
	LostOps      int               `json:"lost_requests,omitempty"` // without an answer
	FirstFailure string            `json:"first_failure,omitempty"`

	ServerUsage *Cost `json:"server_process,omitempty"`
	Client      *Cost `json:"client_process,omitempty"`

	// SessionBytes is, for idle, how much the server's memory grew for each
	// session.
	SessionBytes float64 `json:"bytes_per_session,omitempty"`
	// NodeBytes is, for load, how much the server's memory grew for each node.
	NodeBytes float64 `json:"bytes_per_node,omitempty"`
}

// A Latency summarises how long operations took, in microseconds.
type Latency struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50_us"`
	P90   float64 `json:"p90_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p999_us"`
	Max   float64 `json:"max_us"`
}

// A Cost is what processes took while measuring.
type Cost struct {
	UserSeconds   float64 `json:"user_seconds"`
	SystemSeconds float64 `json:"system_seconds"`
	MicrosPerOp   float64 `json:"cpu_us_per_op"`
	Resident      int64   `json:"resident_bytes"`        // at the end
	Before        int64   `json:"resident_before_bytes"` // before the run made its nodes and sessions
	Peak          int64   `json:"peak_bytes"`            // since the process started
}

// Failed reports that not everything went well.
func (r *Result) Failed() bool { return len(r.Errors) > 0 || r.Lost > 0 }

func latencyOf(h *Histogram) *Latency {
	if h.Count() == 0 {
		return nil
	}
	us := func(d time.Duration) float64 { return float64(d) / 1e3 }
	return &Latency{
		Count: h.Count(),
		P50:   us(h.Quantile(0.5)),
		P90:   us(h.Quantile(0.9)),
		P99:   us(h.Quantile(0.99)),
		P999:  us(h.Quantile(0.999)),
		Max:   us(h.Max()),
	}
}

// setOps fills in what follows from the histogram and the time.
func (r *Result) setOps(h *Histogram, measured time.Duration) {
	r.Ops = h.Count()
	r.Seconds = measured.Seconds()
	if measured > 0 {
		r.OpsPerSec = float64(r.Ops) / r.Seconds
	}
	r.Latency = latencyOf(h)
}

func (r *Result) addErrors(codes map[wire.Code]uint64) {
	for code, n := range codes {
		if r.Errors == nil {
			r.Errors = map[string]uint64{}
		}
		r.Errors[code.Error()] += n
	}
}

// costBetween is what was used from a to b, in which ops were done.
func costBetween(before, a, b Usage, ops uint64) *Cost {
	c := &Cost{
		UserSeconds:   (b.User - a.User).Seconds(),
		SystemSeconds: (b.System - a.System).Seconds(),
		Resident:      b.Resident,
		Before:        before.Resident,
		Peak:          b.Peak,
	}
	if ops > 0 {
		c.MicrosPerOp = float64(b.CPU()-a.CPU()) / 1e3 / float64(ops)
	}
	return c
}
