package differ

import (
	"bytes"
	"strings"

	"github.com/zabra/zabra/interop/raw"
)

const (
	limitsNode = "/zookeeper_limits"
	statsNode  = "/zookeeper_stats"
	configNode = "/zookeeper/config"
	superAuth  = "super:secret"
)

// SuperDigest is what a server's superDigest must be for the runs' super user.
const SuperDigest = "super:lK75jTNcA+U9vtVEw5vB51mj/w4="

func containsQuota(b []byte) bool { return bytes.Contains(b, []byte("zookeeper")) }

var (
	components = []string{"a", "a", "b"}
	oddPaths   = []string{
		"", "/", "a", "//", "/a/", "/a//b", "/.", "/a/..", "/a/.b", "/a/b c", "/a/é", "/a/\x01", "/a\x00b",
		"/a/\ufffd", "/zookeeper", "/zookeeper/quota", configNode, "/none/none",
	}
)

// beyondBMP is an illegal path that is only ever created: where the reference
// echoes such a path (sync, events of setWatches) it does not write UTF-8 but the
// two surrogates, three bytes each. Zabra echoes what the client sent.
const beyondBMP = "/a/\U0001F600"

// path is one to read or to change: what exists, or may.
func (g *Generator) path() string {
	switch n := g.r.IntN(20); {
	case n < 13 && len(g.paths) > 0:
		return g.paths[g.r.IntN(len(g.paths))]
	case n == 19:
		return g.oddPath()
	}
	return g.plainPath()
}

// oddPath is a path of which something is to be said.
func (g *Generator) oddPath(more ...string) string {
	p := pick(g.r, append(oddPaths, more...)...)
	if p == configNode && g.Member {
		return "/zookeeper"
	}
	return p
}

func (g *Generator) plainPath() string {
	var b strings.Builder
	for range 1 + g.r.IntN(3) {
		b.WriteString("/" + pick(g.r, components...))
	}
	return b.String()
}

// newPath is one to create.
func (g *Generator) newPath() string {
	switch n := g.r.IntN(20); {
	case n < 3 && len(g.paths) > 0:
		if p := g.paths[g.r.IntN(len(g.paths))]; strings.Count(p, "/") < 5 && p != "/" {
			return p + "/" + pick(g.r, components...)
		}
	case n < 5:
		return g.plainPath() + "/"
	case n == 19:
		return g.oddPath(beyondBMP)
	}
	return g.plainPath()
}

func (g *Generator) version() int32 { return pick[int32](g.r, -1, -1, -1, 0, 0, 1, 2, -2) }

// data for a node. What the reference parses gets something it can parse.
func (g *Generator) data(path string) []byte {
	switch {
	case strings.HasSuffix(path, limitsNode):
		return []byte(pick(g.r,
			"count=3,bytes=-1", "count=-1,bytes=10", "count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=3",
			"count=2,bytes=-1=;byteHardLimit=-1;countHardLimit=8", "count=-1,bytes=-1=;byteHardLimit=30;countHardLimit=-1"))
	case strings.HasSuffix(path, statsNode):
		return []byte("count=0,bytes=0")
	case strings.Contains(path, "/zookeeper/quota"):
		return nil
	}
	switch g.r.IntN(8) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return bytes.Repeat([]byte{byte('a' + g.r.IntN(26))}, g.r.IntN(3000))
	}
	return bytes.Repeat([]byte{byte('a' + g.r.IntN(26))}, 1+g.r.IntN(12))
}

// acls is a list, valid or not.
func (g *Generator) acls() []raw.ACL {
	n := g.r.IntN(12)
	if n == 0 {
		return nil
	}
	list := []raw.ACL{}
	for range n % 4 {
		list = append(list, raw.ACL{Perms: pick[int32](g.r, 31, 31, 1, 3, 15, 16, 30, 0, 0xffff), Scheme: "world", ID: "anyone"})
		a := &list[len(list)-1]
		switch g.r.IntN(12) {
		case 0, 1:
			a.Scheme, a.ID = "auth", ""
		case 2:
			a.Scheme, a.ID = "digest", "u1:XfBOZs6RZbs7sDzsY0dGzeEIhgU="
		case 3:
			a.Scheme, a.ID = "ip", pick(g.r, "127.0.0.1", "10.0.0.0/8", "127.0.0.0/8", "1.2.3", "::1", "fe80::/10", "1.2.3.4/33")
		case 4:
			a.Scheme, a.ID = pick(g.r, "digest", "x509", "sasl", "super", "foo", "world"), pick(g.r, "x", "a:b:c", "")
		}
	}
	return list
}
