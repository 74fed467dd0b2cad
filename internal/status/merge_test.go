package status

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zabra/zabra/quorum"
)

func TestMerge(t *testing.T) {
	three := membersText("10.0.0.1", "10.0.0.2", "10.0.0.3")
	local := membersText("127.0.0.1", "127.0.0.1", "127.0.0.1")
	dynamic := "server.1=10.0.0.1:2888:3888:participant;0.0.0.0:2181\nserver.2=10.0.0.2:2888:3888:observer;10.0.0.2:2182\nserver.3=[::3]:2888:3888:participant;[::]:2183\nversion=100000000"
	for _, tc := range []struct {
		name  string
		given string
		found string // address=id:configuration
		want  string
	}{
		{"nothing is known", "a:1 b:2", "", "? a:1, ? b:2"},
		{"it stands alone", "a:1", "a:1=0:", "? a:1"},
		{"the port of the one that was asked", "10.0.0.2:2181", "10.0.0.2:2181=2:" + three, "1 10.0.0.1:2181, 2 10.0.0.2:2181, 3 10.0.0.3:2181"},
		{"the configuration's addresses", "10.0.0.2:2182", "10.0.0.2:2182=2:" + dynamic, "1 10.0.0.1:2181, 2 10.0.0.2:2182, 3 [::3]:2183"},
		{"another name for one", "zk2:2182 zk1:2181", "zk2:2182=2:" + dynamic, "1 10.0.0.1:2181, 2 zk2:2182, 3 [::3]:2183"},
		{"another name that told", "zk2:2182 zk1:2181", "zk1:2181=1:" + dynamic + " zk2:2182=2:" + dynamic, "1 zk1:2181, 2 zk2:2182, 3 [::3]:2183"},
		{"two names for one", "zk1:2181 10.0.0.1:2181", "zk1:2181=1:" + three + " 10.0.0.1:2181=1:" + three, "1 zk1:2181, 2 10.0.0.2:2181, 3 10.0.0.3:2181"},
		{"one host", "127.0.0.1:1", "127.0.0.1:1=1:" + local, "1 127.0.0.1:1, 2 , 3 "},
		{"one host, all given", "127.0.0.1:1 127.0.0.1:2 127.0.0.1:3", "127.0.0.1:1=1:" + local + " 127.0.0.1:3=3:" + local + " 127.0.0.1:2=2:" + local,
			"1 127.0.0.1:1, 2 127.0.0.1:2, 3 127.0.0.1:3"},
		{"one host, one is down", "127.0.0.1:1 127.0.0.1:2 127.0.0.1:3", "127.0.0.1:1=1:" + local + " 127.0.0.1:3=3:" + local,
			"1 127.0.0.1:1, 2 127.0.0.1:2, 3 127.0.0.1:3"},
		{"one host, two are down", "127.0.0.1:1 127.0.0.1:2 127.0.0.1:3", "127.0.0.1:1=1:" + local, "1 127.0.0.1:1, ? 127.0.0.1:2, ? 127.0.0.1:3"},
		{"one that does not belong to it", "10.0.0.1:2181 10.0.0.9:2181", "10.0.0.1:2181=1:" + three + " 10.0.0.9:2181=9:" + three,
			"1 10.0.0.1:2181, 2 10.0.0.2:2181, 3 10.0.0.3:2181, ? 10.0.0.9:2181"},
		{"the newer configuration", "10.0.0.1:2181 10.0.0.2:2181", "10.0.0.1:2181=1:" + three + " 10.0.0.2:2181=2:" + dynamic,
			"1 10.0.0.1:2181, 2 10.0.0.2:2181, 3 [::3]:2183"},
	} {
		names := map[string]string{"zk1": "10.0.0.1", "zk2": "10.0.0.2"}
		same := func(a, b string) bool {
			for _, h := range []*string{&a, &b} {
				if ip, ok := names[*h]; ok {
					*h = ip
				}
			}
			return a == b
		}
		m := merge(strings.Fields(tc.given), parseFound(t, tc.found), same)
		var got []string
		for _, p := range m.places {
			id := "?"
			if p.id != nil {
				id = fmt.Sprint(*p.id)
			}
			got = append(got, id+" "+p.address)
		}
		if got := strings.Join(got, ", "); got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// parseFound reads what addresses told, each "address=id:configuration".
func parseFound(t *testing.T, text string) (all []found) {
	t.Helper()
	for _, part := range splitFound(text) {
		address, rest, _ := strings.Cut(part, "=")
		f := found{address: address, ok: true}
		id, config, _ := strings.Cut(rest, ":")
		fmt.Sscan(id, &f.id)
		if config != "" {
			var err error
			if f.config, err = quorum.Parse([]byte(config)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, f)
	}
	return all
}

// splitFound cuts at blanks.
func splitFound(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, " ")
}
