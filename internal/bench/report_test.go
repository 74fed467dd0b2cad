package bench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func sample() *Result {
	l := &Latency{Count: 10, P50: 1.234, P90: 123.4, P99: 12345, P999: 1.5e6, Max: 1.5e6}
	return &Result{
		Workload: "mixed", Server: "a:1", Connections: 2, Outstanding: 3, Seconds: 2, Ops: 10, OpsPerSec: 5,
		Latency: l, Reads: l, Writes: l, Errors: map[string]uint64{"NoNode": 7}, Lost: 1, LostOps: 3,
		FirstFailure: "session 0x1: gone", Interrupted: true,
		ServerUsage: &Cost{MicrosPerOp: 1.5, Resident: 2e6, Peak: 3e6}, Client: &Cost{MicrosPerOp: 0.5},
	}
}

const sampleTable = `  workload  conns  out  ops  ops/s     p50    p90      p99  p99.9   max  client µs/op  server µs/op  resident    peak
     mixed      2    3   10      5  1.23µs  123µs  12.35ms   1.5s  1.5s          0.50          1.50    2.0 MB  3.0 MB
     reads               10      5  1.23µs  123µs  12.35ms   1.5s  1.5s
    writes               10      5  1.23µs  123µs  12.35ms   1.5s  1.5s
mixed: 7 × NoNode
mixed: 1 connections lost, 3 requests without an answer
mixed: first failure: session 0x1: gone
mixed: interrupted after 2.0 s
`

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := WriteTable(&b, sample()); err != nil {
		t.Fatal(err)
	}
	if got := trimLines(b.String()); got != sampleTable {
		t.Errorf("got\n%s\nwant\n%s", got, sampleTable)
	}
}

func trimLines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

func TestComparison(t *testing.T) {
	c := &Comparison{Workload: "set"}
	for _, ops := range []float64{300, 100, 200} {
		c.A = append(c.A, &Result{Server: "a:1", OpsPerSec: ops})
		c.B = append(c.B, &Result{Server: "b:1", OpsPerSec: 50, Lost: int(ops) / 300})
	}
	c.ratios()
	if len(c.Ratios) != 1 {
		t.Fatalf("ratios of figures nobody has: %+v", c.Ratios)
	}
	if want := (Ratio{Figure: "ops/s", A: 200, B: 50, Median: 4, Min: 2, Max: 6}); c.Ratios[0] != want {
		t.Errorf("got %+v, want %+v", c.Ratios[0], want)
	}
	if !c.Failed() {
		t.Error("a lost connection in a round is no failure")
	}
	var b bytes.Buffer
	if err := WriteComparison(&b, c); err != nil || !strings.Contains(b.String(), "b:1, round 1:") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestMedian(t *testing.T) {
	if median([]float64{3, 1, 2}) != 2 || median([]float64{4, 1, 3, 2}) != 2.5 {
		t.Error("wrong median")
	}
}

func TestResultJSON(t *testing.T) {
	b, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"ops_per_second":5`, `"p999_us":1500000`, `"cpu_us_per_op":1.5`, `"NoNode":7`, `"lost_connections":1`} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}
