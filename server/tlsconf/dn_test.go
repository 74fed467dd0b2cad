package tlsconf

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// The vectors are what OpenJDK 17 made of generated names: X500Principal(byte[])
// and getName() for rendering, X500Principal(String) for parsing.
// TLSCONF_VECTORS names a directory with more of them.
func vectors[T any](t *testing.T, name string) []T {
	t.Helper()
	dir := os.Getenv("TLSCONF_VECTORS")
	if dir == "" {
		dir = "testdata"
	}
	f, err := os.Open(dir + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if lines.Err() != nil || len(all) == 0 {
		t.Fatal("no vectors", lines.Err())
	}
	return all
}

func TestRenderNameAsJava(t *testing.T) {
	type vector struct {
		DER  string
		Want *string
	}
	for _, v := range vectors[vector](t, "names-java.jsonl") {
		der, err := hex.DecodeString(v.DER)
		if err != nil {
			t.Fatal(err)
		}
		got, err := RenderName(der)
		if v.Want == nil || err != nil {
			if (v.Want == nil) != (err != nil) {
				t.Errorf("%s: %v, Java %v", v.DER, err, v.Want)
			}
			continue
		}
		if got != *v.Want {
			t.Errorf("%s:\n got %q\nwant %q", v.DER, got, *v.Want)
		}
	}
}

func TestValidNameAsJava(t *testing.T) {
	type vector struct {
		In    string
		Valid bool
	}
	for _, v := range vectors[vector](t, "dns-java.jsonl") {
		if got := ValidName(v.In); got != v.Valid {
			t.Errorf("%q: got %v, Java %v", v.In, got, v.Valid)
		}
	}
}
