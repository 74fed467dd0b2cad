package zkdata

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func unsnappy(b []byte) ([]byte, error) {
	r, err := newSnappyReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, 1<<26))
}

func TestSnappy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 100, 32 << 10, 100_000} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(r.IntN(4))
		}
		file := snappyFile(want, 32<<10)
		if got, err := unsnappy(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d, %v", size, len(got), err)
		}
		for cut := range min(len(file), 300) {
			if got, err := unsnappy(file[:cut]); err == nil && cut > snappyHeader && len(got) == size {
				t.Errorf("%d bytes cut at %d: nothing noticed", size, cut)
			}
		}
	}
}

func TestSnappyRefuses(t *testing.T) {
	head := snappyFile(nil, 1)
	for _, tc := range []struct {
		what, want string
		file       []byte
	}{
		{"another magic", "begins with", append([]byte("\x83"), head[1:]...)},
		{"a newer version", "begins with", append(bytes.Clone(head[:15]), 2)},
		{"a long chunk", "chunk of 2147483647 bytes", append(bytes.Clone(head), 0x7f, 0xff, 0xff, 0xff)},
		{"a chunk of a long text", "chunk that would hold", append(bytes.Clone(head), 0, 0, 0, 5, 0xff, 0xff, 0x7f, 0, 0)},
		{"a chunk of an endless text", "chunk that would hold", append(bytes.Clone(head), 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x0f)},
		{"a chunk that is none", "corrupt", append(bytes.Clone(head), 0, 0, 0, 3, 5, 1, 2)},
	} {
		if _, err := unsnappy(tc.file); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.what, err, tc.want)
		}
	}
}

func FuzzSnappy(f *testing.F) {
	f.Add(snappyFile([]byte("hello hello hello hello"), 10))
	f.Add(snappyFile(make([]byte, 1000), 1000))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := unsnappy(b)
		if err == nil && len(b) < snappyHeader {
			t.Fatalf("%d bytes from %x", len(got), b)
		}
	})
}
