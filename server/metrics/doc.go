// Package metrics counts what a server does, under ZooKeeper's names.
//
// A server makes one Metrics with New and hands it to its parts; the package
// keeps no state of its own. The fields of Metrics are counters, summaries,
// timers, gauges and sets of them. One table (table.go) gives each its name in
// ZooKeeper 3.9.5, its kind and a sentence; mntr, the admin command "monitor" and
// Prometheus all read that table.
//
// # Stripes
//
// A number that every request writes to would make all cores wait for one cache
// line. So every counter and summary has a cell per stripe, the cells of one
// stripe lie together, and a reader adds the stripes up. Who counts brings its
// stripe along: a connection takes one from Metrics.Stripe when it is accepted
// and keeps it. Any int is a valid stripe.
//
//	stripe := m.Stripe()
//	m.PacketsReceived.Inc(stripe)
//	m.BytesReceived.Add(stripe, int64(len(frame)))
//	m.ReadLatency.Observe(stripe, time.Since(arrived))
//
// Counting takes no lock and, after the first value of a stripe, no memory.
//
// # How the kinds are shown
//
//	kind                     mntr and monitor                        Prometheus
//	gauge, counter           name                                    name
//	summary                  avg_ min_ max_ cnt_ sum_                quantile 0.5; _sum, _count
//	advanced summary         the same and p50_ p95_ p99_ p999_       quantiles 0.5, 0.9, 0.99; _sum, _count
//	set, for each key        key_name; avg_key_name ...              label key
//
// In mntr every name begins with zk_; averages have a decimal point and up to
// four decimals, everything else of a summary is whole. In Prometheus there is
// neither zk_ in front nor _total behind. Durations are in milliseconds; Zabra
// measures microseconds, so averages and Prometheus keep fractions that
// ZooKeeper does not have. The sets by namespace have no quantiles.
//
// Every metric of ZooKeeper exists. Those of the stages that Zabra does not have
// (a commit processor, a cache of encoded replies) stay 0; those that only a
// member of an ensemble has are shown while something provides them. Four are
// Zabra's own: log_full_count, log_full_time, damage_found_count and
// damage_healed_count.
//
// Source of names and kinds: ZooKeeper's ServerMetrics, ZooKeeperServer and
// DefaultMetricsProvider.
package metrics
