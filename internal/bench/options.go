package bench

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// Options says what load to make. Start from Defaults.
type Options struct {
	Servers     []string      // host:port; connections go round them
	Connections int           // sessions that make the load, 1 to 1,000,000
	Outstanding int           // requests under way on each connection, 1 to 65536
	Size        int           // bytes of a value, 0 to 1,000,000
	Keys        int           // znodes that read, set, mixed and multi choose from, 1 to 10,000,000
	Duration    time.Duration // how long to measure
	WarmUp      time.Duration // load before measuring starts; not used with Ops
	Ops         int64         // if not 0: measure this many operations instead of Duration
	Rate        float64       // if not 0: operations started per second, over all connections
	ReadRatio   float64       // share of reads in mixed, 0 to 1
	MultiOps    int           // operations in one multi, 1 to 10000
	OneShot     bool          // watch: one-shot watches, set again after each event, instead of persistent ones
	Timeout     time.Duration // session timeout to ask for
	Threads     int           // event loops of the client, 1 to 64
	Portable    bool          // two goroutines a connection instead of the system's own event interface
	PIDs        []int         // the server's processes, to read CPU and memory of
	Progress    func(Progress)
}

// Defaults are the options that every flag of `zabra bench` starts from.
func Defaults() Options {
	return Options{
		Servers:     []string{"127.0.0.1:2181"},
		Connections: 64,
		Outstanding: 16,
		Size:        100,
		Keys:        10000,
		Duration:    5 * time.Second,
		WarmUp:      time.Second,
		ReadRatio:   0.9,
		MultiOps:    10,
		Timeout:     30 * time.Second,
		Threads:     max(1, runtime.NumCPU()/2),
	}
}

// Progress is how far a run has come.
type Progress struct {
	Phase   string        // "prepare", "warm-up", "measure", "drain", "clean up"
	Elapsed time.Duration // since the phase began
	Ops     uint64        // operations answered since load began
	Errors  uint64        // of them, with an error
}

// Validate checks the ranges and says which is wrong in the words of the flags.
func (o *Options) Validate() error {
	for _, r := range []struct {
		flag     string
		v        int
		low, top int
	}{
		{"connections", o.Connections, 1, 1_000_000},
		{"outstanding", o.Outstanding, 1, 65536},
		{"size", o.Size, 0, 1_000_000},
		{"keys", o.Keys, 1, 10_000_000},
		{"multi-ops", o.MultiOps, 1, 10_000},
		{"threads", o.Threads, 1, 64},
	} {
		if r.v < r.low || r.v > r.top {
			return fmt.Errorf("--%s %d is not within %d to %d", r.flag, r.v, r.low, r.top)
		}
	}
	switch {
	case len(o.Servers) == 0:
		return fmt.Errorf("no server is named")
	case o.ReadRatio < 0 || o.ReadRatio > 1:
		return fmt.Errorf("--read-ratio %v is not within 0 to 1", o.ReadRatio)
	case o.Rate < 0:
		return fmt.Errorf("--rate %v is negative", o.Rate)
	case o.Ops < 0:
		return fmt.Errorf("--ops %d is negative", o.Ops)
	case o.Ops == 0 && o.Duration <= 0:
		return fmt.Errorf("--duration %v is not positive", o.Duration)
	case o.WarmUp < 0:
		return fmt.Errorf("--warm-up %v is negative", o.WarmUp)
	case o.Timeout < time.Millisecond:
		return fmt.Errorf("--session-timeout %v is less than a millisecond", o.Timeout)
	case o.MultiOps*(o.Size+128) > 1<<20:
		return fmt.Errorf("--multi-ops %d of --size %d do not fit into one request of 1 MiB", o.MultiOps, o.Size)
	}
	return nil
}

// ParseServers splits a connect string, host:port[,host:port…]; a port that is
// missing is 2181.
func ParseServers(s string) ([]string, error) {
	var servers []string
	for _, part := range strings.Split(s, ",") {
		part = strings.TrimSpace(part)
		switch {
		case part == "":
			return nil, fmt.Errorf("an empty server in %q", s)
		case strings.Contains(part, "/"):
			return nil, fmt.Errorf("server %q: a chroot is not supported", part)
		case !strings.Contains(part, ":"), strings.HasSuffix(part, "]"):
			part += ":2181"
		}
		servers = append(servers, part)
	}
	return servers, nil
}
