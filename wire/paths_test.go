package wire

import (
	"strings"
	"testing"
	"unicode/utf16"
)

func TestValidPath(t *testing.T) {
	valid := []string{
		"/", "/a", "/a/b", "/zookeeper/config", "/a/.b", "/a/b..", "/a/...", "/é", "/a/b c", "/ ", "/a\u00a0",
		"/\ud7ff", "/\uf900", "/\uffef", "/你好", "/a~", "/" + strings.Repeat("x", 10000), "/" + strings.Repeat("a/", 5000) + "a",
	}
	for _, p := range valid {
		if !ValidPath(p) {
			t.Errorf("%.40q is refused", p)
		}
	}
	invalid := []string{
		"", "a", "a/b", "//", "/a/", "/a//b", "//a", "/.", "/..", "/a/.", "/a/..", "/./a", "/../a", "/a/./b", "/a/../b",
		"/\x00", "/a\x00b", "/\x01", "/\x1f", "/\x7f", "/\u0080", "/\u009f", "/\ue000", "/\uf8ff", "/\ufff0", "/\ufffd", "/\uffff",
		"/😀", "/a\n", NullString, "/" + NullString, "/a\xed\xa0\x80",
	}
	for _, p := range invalid {
		if ValidPath(p) {
			t.Errorf("%q is allowed", p)
		}
	}
}

// The twin checks one UTF-16 unit after another, as the rule is written.
func TestValidPathOfEveryRune(t *testing.T) {
	for r := rune(0); r <= 0x10ffff; r++ {
		if r == '/' || r == '.' || r >= 0xd800 && r < 0xe000 {
			continue
		}
		want := true
		for _, u := range utf16.Encode([]rune{r}) {
			if u <= 0x1f || u >= 0x7f && u <= 0x9f || u >= 0xd800 && u <= 0xf8ff || u >= 0xfff0 {
				want = false
			}
		}
		for _, p := range []string{"/" + string(r), "/é" + string(r), "/x" + string(r) + "/y"} {
			if got := ValidPath(p); got != want {
				t.Fatalf("%U in %q: %v", r, p, got)
			}
		}
	}
}

func TestSplitPath(t *testing.T) {
	for path, want := range map[string][2]string{
		"/": {"", ""}, "/a": {"/", "a"}, "/a/b": {"/a", "b"}, "/a/b/c": {"/a/b", "c"}, "/a/": {"/a", ""}, "a": {"", "a"},
	} {
		if parent, name := SplitPath(path); parent != want[0] || name != want[1] {
			t.Errorf("SplitPath(%q) = %q, %q", path, parent, name)
		}
	}
}

func FuzzValidPath(f *testing.F) {
	for _, p := range []string{"/", "/a/b", "/a//b", "/.", "/é", "\xff", "/\xed\xa0\x80", ""} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if !ValidPath(path) || path == "/" {
			return
		}
		parent, name := SplitPath(path)
		if !ValidPath(parent) || name == "" || strings.Contains(name, "/") {
			t.Fatalf("%q is valid, but splits into %q and %q", path, parent, name)
		}
	})
}

func BenchmarkValidPath(b *testing.B) {
	for name, path := range map[string]string{"ascii": "/services/orders/instance-0001", "other": "/services/заказы/01"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ValidPath(path)
			}
		})
	}
}
