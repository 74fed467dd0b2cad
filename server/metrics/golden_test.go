package metrics

import (
	"bytes"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with the file, or writes the file with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := "testdata/" + file
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it)\n--- got\n%s--- want\n%s", file, got, want)
	}
}

// The table of names is what dashboards and alerts depend on.
func TestTableGolden(t *testing.T) {
	var b bytes.Buffer
	for _, e := range newStriped(1).entries {
		fmt.Fprintf(&b, "%-52s %-21s %s\n", e.name, e.kind, e.help)
	}
	golden(t, "table.txt", b.Bytes())
}

// own are the lines that ZooKeeper does not have.
var own = []string{"zk_log_full_count", "zk_log_full_time", "zk_damage_found_count", "zk_damage_healed_count"}

// Apache ZooKeeper 3.9.5, standalone, whose names are in zookeeper-mntr.txt,
// shows the same lines.
func TestMntrNamesAreZooKeepers(t *testing.T) {
	raw, err := os.ReadFile("testdata/zookeeper-mntr.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, name := range own {
		want[name] = true
	}
	for name := range strings.FieldsSeq(string(raw)) {
		want[name] = true
	}
	for line := range strings.Lines(string(newStriped(1).AppendMntr(nil))) {
		name, _, ok := strings.Cut(line, "\t")
		if !ok {
			t.Errorf("no tab in %q", line)
		}
		if !want[name] {
			t.Errorf("%s is not one of ZooKeeper's", name)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

func TestPrometheusGolden(t *testing.T) {
	m := newStriped(2)
	m.openFDs.Set(func() int64 { return 10 })
	m.maxFDs.Set(func() int64 { return 1024 })
	m.QuorumSize.Set(func() int64 { return 3 })
	m.BytesReceived.Add(0, 100)
	m.ReadLatency.Observe(0, 1500*time.Microsecond)
	m.FsyncTime.Observe(0, 250*time.Microsecond)
	m.ReadPerNamespace.Observe(0, "app", 10)
	m.AckLatency.Observe(0, "2", time.Millisecond)
	m.QuotaBytesUsage.Set(func() map[string]int64 { return map[string]int64{"app": 7} })

	rec := httptest.NewRecorder()
	m.Handler(false).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if ct := rec.Header().Get("Content-Type"); !strings.HasPrefix(ct, "text/plain; version=0.0.4") {
		t.Errorf("content type %q", ct)
	}
	golden(t, "prometheus.txt", rec.Body.Bytes())
}

func TestProcessMetricsAreHonest(t *testing.T) {
	rec := httptest.NewRecorder()
	newStriped(1).Handler(true).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if rec.Code != 200 {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	for _, want := range []string{
		"\ngo_goroutines ", "\njvm_threads_current ", "\njvm_memory_bytes_used{area=\"heap\"} ",
		"\njvm_gc_collection_seconds_count{gc=\"go\"} ", "\nopen_file_descriptor_count ",
	} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("no %q", strings.TrimSpace(want))
		}
	}
	if strings.Contains(rec.Body.String(), `jvm_memory_bytes_used{area="heap"} 0`+"\n") {
		t.Error("the heap is empty")
	}
}
