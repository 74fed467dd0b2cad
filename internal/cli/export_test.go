package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/client"
)

// FuzzReadExport reads any text: it ends in an error or in nodes that, written again,
// are read as the same.
func FuzzReadExport(f *testing.F) {
	f.Add(`{"format":"zabra-export-1","root":"/a"}` + "\n" + `{"path":"/","data":"/wA=","encoding":"base64"}` + "\n" +
		`{"path":"/b","encoding":"null","acl":[{"scheme":"digest","id":"a:b","perms":"rw"}]}` + "\n" + `{"end":true,"nodes":2}` + "\n")
	f.Add(`{"format":"zabra-export-1"}` + "\n" + `{"path":"/","encoding":"null","container":true}` + "\n" + `{"path":"/b","encoding":"null","ttl":5}` + "\n" + `{"end":true,"nodes":2}`)
	f.Add(`{"format":"zabra-export-1"}` + "\n" + `{"path":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var b strings.Builder
		w := newJSONExporter("/", &b, nil)
		err := readExport(strings.NewReader(text), func(n *record) error { return w.put(n, false) })
		if err != nil {
			return
		}
		if err := w.close(true); err != nil {
			t.Fatal(err)
		}
		if err := readExport(strings.NewReader(b.String()), func(*record) error { return nil }); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
	})
}

// A file that is cut off, or says something else or more, changes nothing.
func TestImportOfHalfAFile(t *testing.T) {
	r := newRig(t, nil)
	file := filepath.Join(t.TempDir(), "half")
	text := `{"format":"zabra-export-1","root":"/a"}` + "\n" + `{"path":"/","encoding":"null"}` + "\n"
	whole := text + `{"end":true,"nodes":1}` + "\n"
	for _, bad := range []string{text, text + `{"end":true,"nodes":2}`, text + `{"path":"x"}`, "", "{}", whole + whole, whole + "\n{}"} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		var format *FormatError
		if err := r.Run(t.Context(), []string{"import", file, "/half"}); !errors.As(err, &format) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, ok, _ := r.svc.Exists(t.Context(), "/half"); ok {
		t.Error("half of a file was imported")
	}
	if err := os.WriteFile(file, []byte(whole+"\n \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context(), []string{"import", file, "/half"}); err != nil {
		t.Error("of a whole one, with empty lines behind it:", err)
	}
}

// edit loses nothing when somebody else changes the node, and asks again.
func TestEditConflict(t *testing.T) {
	edits := 0
	var r *rig
	r = newRig(t, func(c *Config) {
		c.Ask = func(string) (string, error) { return "e", nil }
		c.Edit = func(file string) error {
			edits++
			if edits == 1 {
				if _, err := r.svc.Set(t.Context(), "/e", []byte("theirs"), client.AnyVersion); err != nil {
					return err
				}
			}
			return os.WriteFile(file, []byte("mine\n"), 0o600)
		}
	})
	r.script("create /e old\nedit /e\n")
	if data, _, err := r.svc.Get(t.Context(), "/e"); err != nil || string(data) != "mine" || edits != 2 {
		t.Errorf("%q after %d edits, %v", data, edits, err)
	}
}

func TestHistoryFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zabra", "history")
	for _, line := range []string{"ls /", "addauth digest a:secret", " ADDAUTH digest a:secret", "get /a"} {
		if err := keepLine(path, line); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := loadHistory(path)
	if err != nil || strings.Join(lines, ",") != "ls /,get /a" {
		t.Errorf("%q, %v", lines, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestComplete(t *testing.T) {
	r := newRig(t, nil)
	r.script("create /app\ncreate /app/conf\ncreate /app/conn\n")
	for line, want := range map[string]string{
		"who": "ami ", "get /app/co": "nf,nn", "get /a": "pp", "set -": "-json ,s ,v ,b ", "nonsense -": "", "get /none/x": "",
	} {
		if ends, _ := r.complete(t.Context(), line); strings.Join(ends, ",") != want {
			t.Errorf("%q: %q, want %q", line, ends, want)
		}
	}
}
