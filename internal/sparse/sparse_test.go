package sparse

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestCopy(t *testing.T) {
	const size = 5<<20 + 17
	for name, parts := range map[string]map[int64]string{
		"empty":               {},
		"a hole":              {size - 1: "\x00"},
		"data, hole, data":    {0: "begin", 3 << 20: "middle", size - 3: "end"},
		"a hole at the end":   {100: "begin"},
		"zeros that are data": {0: string(make([]byte, 1<<20)), 2 << 20: "x"},
	} {
		from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
		f, err := os.Create(from)
		if err != nil {
			t.Fatal(err)
		}
		for at, text := range parts {
			if _, err := f.WriteAt([]byte(text), at); err != nil {
				t.Fatal(err)
			}
		}
		if name == "a hole at the end" {
			if err := f.Truncate(size); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		n, err := Copy(to, from)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := os.ReadFile(from)
		got, _ := os.ReadFile(to)
		if !bytes.Equal(got, want) || n != int64(len(want)) {
			t.Errorf("%s: the copy has %d bytes, said %d, want %d", name, len(got), n, len(want))
		}
		if _, err := Copy(to, from); !os.IsExist(err) {
			t.Errorf("%s: over a file: %v", name, err)
		}
	}
}
