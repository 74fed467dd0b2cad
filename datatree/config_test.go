package datatree

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

func TestSetConfig(t *testing.T) {
	tr := New()
	digest, size := tr.Digest(), tr.DataSize()
	tr.SetConfig([]byte("server.1=a\nversion=0"), 0, 7)
	n, _ := tr.Find("/zookeeper/config")
	want := wire.Stat{Mtime: 7, Version: -1, Aversion: -1, DataLength: 20}
	if s := tr.Stat(n); s != want {
		t.Errorf("stat %+v, want %+v", s, want)
	}
	if got := string(tr.Data(n)); got != "server.1=a\nversion=0" || got != string(tr.Config()) {
		t.Errorf("data %q", got)
	}
	if tr.Digest() != digest || tr.DataSize() != size+20 {
		t.Errorf("digest changed: %v; size %d, want %d", tr.Digest() != digest, tr.DataSize(), size+20)
	}
	tr.SetConfig([]byte("server.1=a\nversion=0"), 0, 9)
	if s := tr.Stat(n); s != want {
		t.Errorf("setting the same again made %+v of the stat", s)
	}
	tr.SetConfig([]byte("x"), 0x100000000, 9)
	if s := tr.Stat(n); s.Mzxid != 0x100000000 || s.Mtime != 9 || tr.DataSize() != size+1 {
		t.Errorf("stat %+v, size %d", s, tr.DataSize())
	}
}
