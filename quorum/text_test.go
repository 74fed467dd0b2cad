package quorum

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// three is a configuration as ZooKeeper 3.9.5 writes it.
const three = "server.1=127.0.0.1:31811:31821:participant;127.0.0.1:31801\n" +
	"server.2=127.0.0.1:31812:31822:participant;127.0.0.1:31802\n" +
	"server.3=127.0.0.1:31813:31823:observer\n" +
	"version=100000000"

// testingT is what testing.T and rapid.T have in common.
type testingT interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustParse(t testingT, text string) Config {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return c
}

func TestTextIsWrittenAsZooKeeperDoes(t *testing.T) {
	c := mustParse(t, three)
	if got := string(c.Text()); got != three {
		t.Errorf("got %s\nwant %s", got, three)
	}
	if c.Version != 0x100000000 || len(c.Servers) != 3 || c.IsVoter(3) || !c.IsVoter(2) || c.IsMember(4) {
		t.Errorf("got %+v", c)
	}
}

func TestTextInAnyOrderAndSyntax(t *testing.T) {
	c := mustParse(t, "# members\n version : 100000000\r\nserver.3 127.0.0.1:31813:31823:observer\n"+
		"server.2=x:1:2\nserver.2=127.0.0.1:31812:31822:participant;\\\n   127.0.0.1:31802\n"+
		"server.\\u0031=127.0.0.1\\:31811\\:31821;127.0.0.1:31801\n\n")
	if got := string(c.Text()); got != three {
		t.Errorf("got %s\nwant %s", got, three)
	}
}

func TestGroupsAreWritten(t *testing.T) {
	c := mustParse(t, "weight.2=3\ngroup.2=4:3\ngroup.1=2:1\nserver.4=d:1:2\nserver.3=c:1:2\nserver.2=b:1:2\nserver.1=a:1:2\n")
	want := "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:participant\nserver.4=d:1:2:participant\n" +
		"group.1=1:2\ngroup.2=3:4\nweight.1=1\nweight.2=3\nweight.3=1\nweight.4=1\nversion=0"
	if got := string(c.Text()); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestInvalidTexts(t *testing.T) {
	const a, b = "server.1=a:1:2\n", "server.2=b:1:2\n"
	for text, part := range map[string]string{
		"":                                       "no server votes",
		"server.1=a:1:2:observer":                "no server votes",
		a + "clientPort=2181":                    `line 2: "clientPort" is none of`,
		a + "x\\u12":                             `line 2: \u must be followed`,
		a + "version=-1":                         "version",
		a + "version=ffffffffffffffff":           "version",
		a + "version=":                           "version",
		a + "servers.2=b:1:2":                    "is none of",
		a + "server=b:1:2":                       "want server.N",
		a + "server.01=b:1:2":                    "server.1: is there twice",
		a + "server.2=b:1":                       "want host:quorumPort",
		a + "weight.1=1":                         "weights need groups",
		a + b + "group.1=1":                      "server.2: is in no group",
		a + b + "group.1=1:2\ngroup.2=2":         "group.2: server 2 is in group 1 already",
		a + b + "group.1=1:2:3":                  "group.1: there is no line server.3",
		a + b + "group.1=1:2:2":                  "group.1: server 2 is in group 1 already",
		a + b + "group.1=1:2\ngroup.01=1:2":      "group.1: is there twice",
		a + "group.1=1\nweight.1=1\nweight.01=1": "weight.1: is there twice",
		a + b + "group.1=1:2\nweight.1=9223372036854775807": "add up to more",
		"server.1=a\\nserver.9=x:1:2":                       "is no host",
		"server.1=a b:1:2":                                  "is no host",
		"server.1=a:1:2;c=d:3":                              "is no host",
		"server.1=\xc3\xbc:1:2":                             "is no host",
		strings.Repeat("#\n", MaxText):                      "are more than",
	} {
		c, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), part) || !strings.HasPrefix(err.Error(), "quorum: ") {
			t.Errorf("%.80q: got %v %v, want ...%s", text, c, err, part)
		}
	}
}

func TestErrorsAreTyped(t *testing.T) {
	var text *TextError
	if _, err := Parse([]byte("x=1")); !errors.As(err, &text) || text.Line != 1 {
		t.Errorf("got %v", err)
	}
	var line *LineError
	if _, err := Parse([]byte("server.1=" + strings.Repeat("x", 1000))); !errors.As(err, &line) || len(err.Error()) > 600 {
		t.Errorf("got %v", err)
	}
	var problems Problems
	if _, err := Parse([]byte("server.1=a:1:2\nweight.1=1")); !errors.As(err, &problems) || problems[0].Key != "weight.N" {
		t.Errorf("got %v", err)
	}
}

func TestNewKeepsNothingOfOthers(t *testing.T) {
	servers := []Server{{ID: 2, Addrs: []PeerAddr{{"b", 1, 2}}, Role: Participant}, {ID: 1, Addrs: []PeerAddr{{"a", 1, 2}}, Role: Participant}}
	c, err := New(7, servers, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := c.String()
	servers[0].Addrs[0].Host, servers[0].ID = "z", 9
	if c.String() != before || servers[1].ID != 1 {
		t.Errorf("got %s, before %s", c, before)
	}
	if _, err := New(0, append(servers, Server{ID: 3}), nil, nil); err == nil {
		t.Error("a server without address and role was taken")
	}
	if _, err := New(0, []Server{{ID: 3, Addrs: []PeerAddr{{"", 1, 2}}, Role: Observer}}, nil, nil); err == nil {
		t.Error("an address without host was taken")
	}
	if _, err := New(0, []Server{{ID: 256, Addrs: servers[0].Addrs, Role: Observer}}, nil, nil); err == nil {
		t.Error("server 256 was taken")
	}
	if _, err := New(0, servers[1:], []Group{{ID: 1, Members: []wire.SID{1}}}, []Weight{{ID: 1, Weight: -1}}); err == nil {
		t.Error("a negative weight was taken")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{three, "server.1=[::1]:1:2|h:3:4;5\nversion=a", "group.1=1:2\nweight.1=0\nserver.1=a:1:2\nserver.2=b:1:2",
		"server.1 : a:1:2\\\n;3", "server.1=a:1:2;\\u0031", "version=7fffffffffffffff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		out := c.Text()
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("%q: own text is refused: %v", out, err)
		}
		if !again.SameMembers(c) || again.Version != c.Version || !bytes.Equal(again.Text(), out) {
			t.Fatalf("%q became %q", out, again.Text())
		}
		if len(c.Voters()) == 0 || len(c.Servers) > 256 {
			t.Fatalf("%q was taken", text)
		}
	})
}
