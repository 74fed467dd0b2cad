package datatree

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/wire"
)

func (r *rig) limit(path, limits string) {
	r.t.Helper()
	dir := quotaPath
	for _, name := range splitNames(path) {
		dir += "/" + name
		if _, ok := r.tr.Find(dir); !ok {
			r.apply(1, wire.OpCreate, &wire.CreateTxn{Path: dir, ACL: open, ParentCversion: -1})
		}
	}
	r.create(dir+"/"+limitsNode, limits)
	r.create(dir+"/"+statsNode, "count=-1,bytes=-1")
}

func splitNames(path string) (names []string) {
	for parent, name := split(path); name != ""; parent, name = split(parent) {
		names = append([]string{name}, names...)
	}
	return names
}

func TestQuotaStatistics(t *testing.T) {
	r := newRig(t, Options{})
	stats := func(path string) string { return r.data(quotaPath + path + "/" + statsNode) }
	r.create("/q", "12345")
	r.create("/q/a", "123")
	r.limit("/q", "count=5,bytes=-1")
	if got := stats("/q"); got != "count=2,bytes=8" {
		t.Errorf("counted at once: %s", got)
	}
	before := r.stat(quotaPath + "/q/" + statsNode)
	r.create("/q/b", "1234567")
	r.set("/q/a", "1")
	res := r.delete("/q/b")
	if got := stats("/q"); got != "count=2,bytes=6" {
		t.Errorf("after changes: %s", got)
	}
	if changes(res) != "NodeDeleted(/q/b)" {
		t.Errorf("statistics cause events: %s", changes(res))
	}
	after := r.stat(quotaPath + "/q/" + statsNode)
	after.DataLength = before.DataLength
	if after != before {
		t.Errorf("the stat moved: %+v", after)
	}
	r.create("/qq", "123")
	if got := stats("/q"); got != "count=2,bytes=6" {
		t.Errorf("a neighbour counts: %s", got)
	}
	r.create("/q/n", "")
	r.limit("/q/n", "count=1,bytes=-1") // the nodes of the quota itself are elsewhere
	r.create("/q/n/x", "1234")
	if stats("/q") != "count=3,bytes=6" || stats("/q/n") != "count=2,bytes=4" {
		t.Errorf("nested: %s and %s", stats("/q"), stats("/q/n"))
	}
	r.delete(quotaPath + "/q/" + limitsNode)
	r.create("/q/c", "1")
	if got := stats("/q"); got != "count=3,bytes=6" {
		t.Errorf("without limits: %s", got)
	}
}

func TestCheckQuota(t *testing.T) {
	tests := []struct {
		limits           string
		bytes, count     int64
		refused, warned  bool
		maxCount, maxLen int64
	}{
		{"count=3,bytes=-1", 0, 1, false, false, 3, -1},
		{"count=2,bytes=-1", 0, 1, false, true, 2, -1},
		{"count=1,bytes=-1", 9, 0, false, false, 1, -1}, // exceeded already, but the count does not change
		{"count=-1,bytes=10", 3, 1, false, true, -1, 10},
		{"count=-1,bytes=10", 2, 1, false, false, -1, 10},
		{"count=-1,bytes=10", -1, 0, false, false, -1, 10},
		{"count=1,bytes=-1=;byteHardLimit=-1;countHardLimit=3", 0, 1, false, false, 3, -1}, // the soft one is not looked at
		{"count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=2", 0, 1, true, false, 2, -1},
		{"count=-1,bytes=9=;byteHardLimit=10", 3, 1, true, false, -1, 10},
		{"bytes=;;count=2,,countHardLimit=0", 0, 1, true, false, 0, -1},
		{"nonsense", 99, 99, false, false, -1, -1},
		{"", 99, 99, false, false, -1, -1},
	}
	for _, tt := range tests {
		r := newRig(t, Options{})
		r.create("/q", "1234")
		r.create("/q/a", "1234")
		r.limit("/q", tt.limits)
		q := r.tr.CheckQuota("/q/a/new", tt.bytes, tt.count)
		if q.Refused() != tt.refused || q.Warned() != tt.warned || q.Count.Max != tt.maxCount || q.Bytes.Max != tt.maxLen || q.Prefix != "/q" {
			t.Errorf("%s: %+v", tt.limits, q)
		}
		if q := r.tr.CheckQuota("/qa", 1000, 1000); q.Prefix != "" || q.Refused() || q.Warned() {
			t.Errorf("%s: outside: %+v", tt.limits, q)
		}
		for _, p := range []string{"", "/", "x", "//", "/q/", "/q//"} {
			r.tr.CheckQuota(p, 1, 1)
		}
	}
}

func TestQuotaText(t *testing.T) {
	r := parseQuota([]byte("countHardLimit=7;zzz=,bytes=5=;byteHardLimit=-1;count=9"))
	if got, want := string(r.appendTo(nil)), "count=9,bytes=5=;byteHardLimit=-1;countHardLimit=7;zzz=-1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, text := range []string{"=", "=5", "count", "count=x", ",;,", "count=99999999999999999999"} {
		if r := parseQuota([]byte(text)); r.get("count") != -1 {
			t.Errorf("%s: %d", text, r.get("count"))
		}
	}
}

// TestQuotaAfterSnapshot: statistics are counted anew when a snapshot is read,
// whatever they say.
func TestQuotaAfterSnapshot(t *testing.T) {
	r := newRig(t, Options{})
	r.create("/q", "1234")
	r.limit("/q", "count=5,bytes=-1")
	r.set(quotaPath+"/q/"+statsNode, "count=77,bytes=1")
	var buf writer
	if err := WriteSnapshot(&buf, r.tr, File); err != nil {
		t.Fatal(err)
	}
	tr, _, err := ReadSnapshot(&sliceReader{buf}, wire.NoZxid, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, _ := tr.Find(fmt.Sprintf("%s/q/%s", quotaPath, statsNode))
	if got := string(tr.Data(n)); got != "count=1,bytes=4" {
		t.Error(got)
	}
}

type writer []byte

func (w *writer) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}
