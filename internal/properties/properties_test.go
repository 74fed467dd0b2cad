package properties

import (
	"bufio"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"testing"
)

// javaVectors are texts with what java.util.Properties.load made of them
// (OpenJDK 17). In and the strings of Want hold one rune for each byte and each
// character; Want is null where Java throws.
const javaVectors = "testdata/properties-java.jsonl"

type javaVector struct {
	In   string
	Want map[string]string
}

func readVectors(t *testing.T, path string) []javaVector {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var vectors []javaVector
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var v javaVector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, v)
	}
	if lines.Err() != nil || len(vectors) == 0 {
		t.Fatal("no vectors", lines.Err())
	}
	return vectors
}

func latin1(s string) []byte {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

func TestPropertiesAsJavaReadsThem(t *testing.T) {
	path := javaVectors
	if more := os.Getenv("PROPERTIES_VECTORS"); more != "" {
		path = more
	}
	for _, v := range readVectors(t, path) {
		props, err := Parse(latin1(v.In))
		if v.Want == nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("%q: got %v, Java throws", v.In, props)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", v.In, err)
			continue
		}
		if got, want := asMap(props), trimmed(v.Want); !maps.Equal(got, want) && !ambiguous(v.Want) {
			t.Errorf("%q:\n got %q\nwant %q", v.In, got, want)
		}
	}
}

func asMap(props []Property) map[string]string {
	m := map[string]string{}
	for _, p := range props {
		m[p.Key] = p.Value
	}
	return m
}

// trimmed is what ZooKeeper makes of Java's table.
func trimmed(java map[string]string) map[string]string {
	m := map[string]string{}
	for k, v := range java {
		m[Trim(k)] = Trim(v)
	}
	return m
}

// ambiguous reports keys that differ only in blanks: ZooKeeper takes them in the
// order of a hash table.
func ambiguous(java map[string]string) bool { return len(trimmed(java)) != len(java) }

func TestPropertyLines(t *testing.T) {
	text := "# comment\n\na=1\\\n  2\r\nb=2\r\rc: 3\n"
	props, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Property{{Key: "a", Value: "12", Line: 3}, {Key: "b", Value: "2", Line: 5}, {Key: "c", Value: "3", Line: 7}}
	if len(props) != len(want) {
		t.Fatalf("got %+v", props)
	}
	for i := range want {
		if props[i] != want[i] {
			t.Errorf("got %+v, want %+v", props[i], want[i])
		}
	}
}

func TestSyntaxErrorNamesTheLine(t *testing.T) {
	_, err := Parse([]byte("a=1\nb=\\u12G4\n"))
	want := `properties: line 2: \u must be followed by four hexadecimal digits`
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
}

func FuzzProperties(f *testing.F) {
	for _, seed := range []string{"a=b\\\n c", "\\u0041:\\t", "#c\r!d\ra b", "\\", "a=\\u12"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		props, err := Parse(text)
		if err != nil {
			return
		}
		total, lines := 0, 1
		for _, c := range text {
			if isLineEnd(c) {
				lines++
			}
		}
		for _, p := range props {
			total += len(p.Key) + len(p.Value)
			if p.Line < 1 || p.Line > lines {
				t.Fatalf("line %d of %d", p.Line, lines)
			}
		}
		if total > 2*len(text) {
			t.Fatalf("%d bytes out of %d", total, len(text))
		}
	})
}

func TestEscape(t *testing.T) {
	for _, value := range []string{"", "/etc/zoo.cfg.dynamic.1", `C:\zoo`, "two words=x:y #z!", "/dätå/日本/\U0001F600", "a\tb\nc"} {
		text := "k=" + Escape(value) + "\n"
		props, err := Parse([]byte(text))
		if err != nil || len(props) != 1 || props[0].Value != value || props[0].Latin1 {
			t.Errorf("%q: %q is read as %+v, %v", value, text, props, err)
		}
	}
}
