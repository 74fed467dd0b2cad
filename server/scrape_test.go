package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/zabra/zabra/wire"
)

// scrape reads a Prometheus page as Prometheus does.
func scrape(t *testing.T, url string) map[string]*dto.MetricFamily {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return families
}

// value is that of a gauge or counter, or the count of a summary.
func value(f *dto.MetricFamily, label string) float64 {
	for _, m := range f.GetMetric() {
		if label != "" && (len(m.Label) == 0 || m.Label[0].GetValue() != label) {
			continue
		}
		switch f.GetType() {
		case dto.MetricType_SUMMARY:
			return float64(m.GetSummary().GetSampleCount())
		case dto.MetricType_COUNTER:
			return m.GetCounter().GetValue()
		default:
			return m.GetGauge().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return -1
}

// The metrics follow what clients do, on both ports that show them, and a quota
// that only warns is in the log once.
func TestMetricsFollowTheWork(t *testing.T) {
	s := startSite(t, "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider",
		"enforceQuota=true")
	c := s.client()
	c.create("/app", "", wire.ModePersistent)
	for _, path := range []string{"/app", "/soft"} {
		c.create("/zookeeper/quota"+path, "", wire.ModePersistent)
	}
	c.create("/zookeeper/quota/app/zookeeper_limits", "count=4,bytes=-1=;byteHardLimit=-1;countHardLimit=4", wire.ModePersistent)
	c.create("/zookeeper/quota/app/zookeeper_stats", "", wire.ModePersistent)
	c.create("/soft", "", wire.ModePersistent)
	c.create("/zookeeper/quota/soft/zookeeper_limits", "count=1,bytes=-1", wire.ModePersistent)
	c.create("/zookeeper/quota/soft/zookeeper_stats", "", wire.ModePersistent)
	for i := range 5 {
		want := wire.OK
		if i >= 3 {
			want = wire.QuotaExceeded
		}
		c.do(want, wire.OpCreate, &wire.CreateRequest{Path: fmt.Sprintf("/app/n%d", i), ACL: anyone}, nil)
		c.create(fmt.Sprintf("/soft/n%d", i), "data", wire.ModePersistent)
	}
	for range 10 {
		c.get("/app/n1")
	}
	c.do(wire.OK, wire.OpExists, &wire.PathWatchRequest{Path: "/soft", Watch: true}, nil)
	c.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: "/soft", Data: []byte("x"), Version: -1}, nil)
	if len(*c.events) != 1 {
		t.Errorf("events %v", *c.events)
	}

	wanted := []struct {
		name, label string
		atLeast     float64
	}{
		{"znode_count", "", 10}, {"num_alive_connections", "", 1}, {"packets_sent", "", 25}, {"packets_received", "", 25},
		{"bytes_received_count", "", 500}, {"response_bytes", "", 500}, {"watch_bytes", "", 30},
		{"max_client_response_size", "", 80}, {"min_client_response_size", "", 16}, {"last_client_response_size", "", 16},
		{"global_sessions", "", 1}, {"connection_request_count", "", 1}, {"non_mtls_local_conn_count", "", 1},
		{"commit_count", "", 15}, {"proposal_count", "", 15}, {"readlatency", "", 10}, {"updatelatency", "", 15},
		{"prep_processor_request_queued", "", 15}, {"prep_processor_queue_size", "", 1}, {"prep_process_time", "", 15},
		{"sync_processor_request_queued", "", 15}, {"sync_processor_queue_size", "", 1}, {"sync_processor_batch_size", "", 1},
		{"sync_processor_queue_time_ms", "", 15}, {"sync_process_time", "", 15}, {"fsynctime", "", 1},
		{"sync_processor_queue_flush_time_ms", "", 1}, {"sync_processor_queue_and_flush_time_ms", "", 15},
		{"commit_process_time", "", 15}, {"write_final_proc_time_ms", "", 15}, {"write_batch_time_in_commit_processor", "", 1},
		{"node_changed_watch_count", "", 1}, {"dbinittime", "", 1}, {"startup_snap_load_time", "", 1},
		{"read_per_namespace", "app", 10}, {"write_per_namespace", "soft", 6},
		{"quota_exceeded_error_per_namespace", "app", 2}, {"quota_count_limit_per_namespace", "app", 4},
		{"quota_count_usage_per_namespace", "app", 4}, {"quota_count_usage_per_namespace", "soft", 6},
		{"quota_bytes_usage_per_namespace", "soft", 20},
	}
	for _, url := range []string{"http://" + s.webAddr("admin") + "/metrics", "http://" + s.webAddr("metrics") + "/metrics"} {
		families := scrape(t, url)
		for _, w := range wanted {
			f := families[w.name]
			if f == nil {
				t.Errorf("%s: no %s", url, w.name)
			} else if got := value(f, w.label); got < w.atLeast {
				t.Errorf("%s: %s %s is %v, want at least %v", url, w.name, w.label, got, w.atLeast)
			}
		}
	}
	if n := strings.Count(s.log.String(), `"msg":"quota exceeded","path":"/soft"`); n != 1 {
		t.Errorf("the soft quota is in the log %d times, want once", n)
	}
	if mntr := s.word(t, "mntr"); !strings.Contains(mntr, "zk_avg_soft_write_per_namespace") || !strings.Contains(mntr, "zk_avg_app_read_per_namespace") {
		t.Errorf("mntr lacks the namespaces:\n%s", mntr)
	}
}

// word sends a four-letter word on the plain port.
func (s *site) word(t *testing.T, word string) string {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, word); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// envi tells memory as it is, not as the largest number there is.
func TestMemoryOfEnvi(t *testing.T) {
	s := startSite(t, "4lw.commands.whitelist=envi")
	for line := range strings.Lines(s.word(t, "envi")) {
		if text, ok := strings.CutPrefix(line, "os.memory.max="); ok {
			mb, err := strconv.Atoi(strings.TrimSuffix(text, "MB\n"))
			if text != "<NA>\n" && (err != nil || mb < 16 || mb > 1<<30) {
				t.Errorf("os.memory.max is %q", text)
			}
			return
		}
	}
	t.Error("os.memory.max is missing")
}
