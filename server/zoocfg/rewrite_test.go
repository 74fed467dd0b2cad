package zoocfg

import (
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/properties"
	"github.com/zabra/zabra/quorum"
)

func TestRewritten(t *testing.T) {
	const file = `# Our ensemble
tickTime=2000
server.1=a:2888:3888
  server.2 : b:2888:\
      3888
zookeeper.server.3=c:2888:3888
group.1=1:2:3
weight.1=2
! the ports
clientPort=2181
clientPortAddress=10.0.0.1
clientPortListenBacklog=7
peerType=observer
version=100000000
dynamicConfigFile=/old
serverish.1=x
last=one\`
	const want = `# Our ensemble
tickTime=2000
! the ports
clientPort=2181
clientPortAddress=10.0.0.1
clientPortListenBacklog=7
serverish.1=x
last=one\

dynamicConfigFile=/etc/z.dynamic.1
`
	got := string(Rewritten([]byte(file), "/etc/z.dynamic.1", false))
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if twice := string(Rewritten([]byte(got), "/etc/z.dynamic.1", false)); twice != got {
		t.Errorf("written again it is\n%s", twice)
	}
	erased := string(Rewritten([]byte(file), "/x", true))
	if strings.Contains(erased, "clientPort=") || strings.Contains(erased, "clientPortAddress=") || !strings.Contains(erased, "clientPortListenBacklog=7") {
		t.Errorf("without the client port\n%s", erased)
	}
}

// Whatever stands in a file: what is left means what it meant, and the pointer is there.
func FuzzRewritten(f *testing.F) {
	f.Add("server.1=a:1:2\nx=y", "/p", true)
	f.Add("a=b\\", "C:\\x", false)
	f.Add("a=b\\\r", "/ä", false)
	f.Add("dynamicConfigFile=x\\\n y\n\\\nclientPort=1", "/p", true)
	f.Fuzz(func(t *testing.T, text, pointer string, erase bool) {
		before, err := properties.Parse([]byte(text))
		if err != nil {
			return
		}
		after, err := properties.Parse(Rewritten([]byte(text), pointer, erase))
		if err != nil {
			t.Fatal(err)
		}
		var want []properties.Property
		for _, p := range before {
			k, _, ok := keys.lookup(p.Key)
			switch {
			case ok && (isMembership(k) || k.Name == "peerType" || k.Name == "dynamicConfigFile" || k.Name == "version"):
			case ok && erase && (k.Name == "clientPort" || k.Name == "clientPortAddress"):
			default:
				want = append(want, p)
			}
		}
		want = append(want, properties.Property{Key: "dynamicConfigFile", Value: properties.Trim(string([]rune(pointer)))})
		nothing := func(p properties.Property) bool { return p.Key == "" && p.Value == "" } // a lone backslash
		after, want = slices.DeleteFunc(after, nothing), slices.DeleteFunc(want, nothing)
		same := func(a, b properties.Property) bool { return a.Key == b.Key && a.Value == b.Value }
		if !slices.EqualFunc(after, want, same) {
			t.Errorf("%q became %+v, want %+v", text, after, want)
		}
	})
}

func TestDynamicFiles(t *testing.T) {
	c, err := quorum.Parse([]byte("server.10=j:1:2;2181\nserver.2=b:1:2:observer\ngroup.1=10\nversion=100000012"))
	if err != nil {
		t.Fatal(err)
	}
	const lines = "group.1=10\nserver.10=j:1:2:participant;0.0.0.0:2181\nserver.2=b:1:2:observer"
	if got := string(DynamicText(c, false)); got != lines+"\nweight.10=1" {
		t.Errorf("dynamic: %q", got)
	}
	if got := string(DynamicText(c, true)); got != lines+"\nversion=100000012\nweight.10=1" {
		t.Errorf("next: %q", got)
	}
	if got := DynamicName("/etc/zoo.cfg", c.Version); got != "/etc/zoo.cfg.dynamic.100000012" || versionOfName(got) != uint64(c.Version) {
		t.Errorf("name: %q", got)
	}
}

// What was proposed is read beside what is in force, and refused if it is nonsense.
func TestNextFile(t *testing.T) {
	static := "dataDir=/d\ninitLimit=1\nsyncLimit=1\nreconfigEnabled=true\ndynamicConfigFile=/dyn.5\n"
	const members = "server.1=a:1:2;2181\nserver.2=b:1:2;2181\nserver.3=c:1:2;2181"
	load := func(next string) (*Config, error) {
		texts := map[string]string{"/zoo.cfg": static, "/dyn.5": members, "/d/myid": "1"}
		if next != "" {
			texts["/zoo.cfg.dynamic.next"] = next
		}
		c, _, err := Load(Source{File: "/zoo.cfg", ReadFile: files(texts)})
		return c, err
	}
	c, err := load("")
	if err != nil || len(c.Ensemble.Next.Servers) != 0 || c.Ensemble.Version != 5 {
		t.Fatalf("%+v, %v", c, err)
	}
	if c, err = load(members + "\nversion=6"); err != nil || c.Ensemble.Next.Version != 6 || len(c.Ensemble.Next.Servers) != 3 {
		t.Fatalf("%+v, %v", c, err)
	}
	_, err = load("server.1=nonsense")
	if err == nil || !strings.Contains(err.Error(), "proposed configuration file /zoo.cfg.dynamic.next: ") {
		t.Errorf("%v", err)
	}
}
