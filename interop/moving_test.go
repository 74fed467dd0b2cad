package interop

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// needMoving skips where Apache is judged in Zabra's place.
func needMoving(t *testing.T) {
	t.Helper()
	parallel(t)
	if env.Subject() != harness.Zabra {
		t.Skip("import and export are Zabra's")
	}
}

// A server of Apache's that was killed is taken over, and given back, with all that it
// held and its sessions; its snapshots are compressed in each way that it knows.
func TestImportAndExport(t *testing.T) {
	for _, method := range []string{"", "gz", "snappy"} {
		t.Run("snapshots "+method, func(t *testing.T) { importAndExport(t, method) })
	}
}

func importAndExport(t *testing.T, compression string) {
	needMoving(t)
	c := snapshotConfig()
	c["snapCount"] = "200" // several snapshots, written while the tree changes
	c["snapshotSizeFactor"] = "-1"
	if compression != "" {
		c["snapshot.compression.method"] = compression
	}
	s := env.Start(t, harness.Apache, c)
	owner := fillMore(t, s)
	want := dumpAll(t, s)
	s.Kill()
	report := s.Import(t)
	if suffix := "." + compression; compression != "" && !strings.Contains(report, suffix+`"`) {
		t.Errorf("no snapshot %s was read:\n%s", suffix, report)
	}
	if strings.Contains(report, `"digests_compared": 0`) || !strings.Contains(report, `"epochs": null`) {
		t.Errorf("no digest was compared, or a server that stands alone has epochs:\n%s", report)
	}
	s.Restart(t)
	compareDumps(t, want, dumpAll(t, s))
	resumes(t, s, owner)

	more := newProber(t, s)
	for i := range 300 {
		more.do(raw.OpCreate, raw.Create("/parent/n-", []byte(fmt.Sprint(i)), raw.Open, 2))
	}
	want = dumpAll(t, s)
	s.Kill()
	s.Export(t)
	s.Restart(t)
	compareDumps(t, want, dumpAll(t, s))
	resumes(t, s, owner)
	noMismatch(t, s)

	s.Kill()
	if err := s.ForgetImported(); err != nil {
		t.Fatal(err)
	}
	s.Import(t)
	s.Restart(t)
	compareDumps(t, want, dumpAll(t, s))
	resumes(t, s, owner)
}

// noMismatch wants that Apache agreed with every digest that it met.
func noMismatch(t *testing.T, s *harness.Server) {
	t.Helper()
	if n, counted := s.DigestMismatches(); !counted || n != "0" {
		t.Errorf("%s: %s digest mismatches, counted: %v", s.Kind, n, counted)
	}
}

// fillMore makes what fill makes, and quotas, big data and enough to have snapshots
// made by the way.
func fillMore(t *testing.T, s *harness.Server) *prober {
	t.Helper()
	p := fill(t, s)
	must := func(op raw.Op, body raw.Body) {
		t.Helper()
		if got := p.do(op, body); !strings.HasPrefix(got, "0") {
			t.Fatalf("%s: %v: %s", s.Kind, op, got)
		}
	}
	must(raw.OpCreate, raw.Create("/zookeeper/quota/parent", nil, raw.Open, 0))
	must(raw.OpCreate, raw.Create("/zookeeper/quota/parent/zookeeper_limits", []byte("count=5000,bytes=1000000"), raw.Open, 0))
	must(raw.OpCreate, raw.Create("/zookeeper/quota/parent/zookeeper_stats", []byte("count=0,bytes=0"), raw.Open, 0))
	for i := range 20 {
		must(raw.OpCreate, raw.Create(fmt.Sprintf("/big-%d", i), bytes.Repeat([]byte{byte(i)}, 500_000), raw.Open, 0))
	}
	must(raw.OpCreateContainer, raw.Create("/container/inner", nil, raw.Open, raw.Container))
	for i := range 500 {
		path := fmt.Sprintf("/deep-%d", i%7)
		if i < 7 {
			must(raw.OpCreate, raw.Create(path, nil, raw.Open, 0))
		}
		must(raw.OpCreate, raw.Create(path+"/e-", []byte("x"), raw.Open, 3))
		must(raw.OpSetData, raw.SetData(path, []byte(fmt.Sprint(i)), -1))
	}
	if found, _ := filepath.Glob(filepath.Join(s.DataDir(), "version-2", "snapshot.*")); s.Kind == harness.Apache && len(found) < 3 {
		t.Errorf("only these snapshots were written by the way: %v", found)
	}
	return p
}
