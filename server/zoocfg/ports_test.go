package zoocfg

import (
	"errors"
	"strings"
	"testing"
)

// Ports that are needed twice, and servers that others cannot find.
func TestClashingPorts(t *testing.T) {
	limits := "dataDir=/d\ninitLimit=1\nsyncLimit=1\n"
	for _, tc := range []struct {
		name, text string
		want       []string // in problems, all of them
		advice     string
	}{
		{"as it should be", "clientPort=2181\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888", nil, ""},
		{"one machine", "clientPort=2181\nserver.1=a:2888:3888\nserver.2=a:2889:3889\nserver.3=a:2890:3890", nil, ""},
		{"a line copied", "clientPort=2181\nserver.1=a:2888:3888\nserver.2=a:2888:3888\nserver.3=c:2888:3888",
			[]string{"the quorum port of server.2, a:2888, is also the quorum port of server.1", "the election port of server.2, a:3888, is also the election port of server.1"}, ""},
		{"across", "clientPort=2181\nserver.1=a:2888:3888\nserver.2=a:3888:3889\nserver.3=c:2888:3888",
			[]string{"the quorum port of server.2, a:3888, is also the election port of server.1"}, ""},
		{"clients", "clientPort=2888\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888",
			[]string{"clientPort: 2888 is also the quorum port of server.1"}, ""},
		{"clients elsewhere", "clientPort=2888\nclientPortAddress=d\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888", nil, ""},
		{"admin", "clientPort=2181\nadmin.serverPort=3888\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888",
			[]string{"admin.serverPort: 3888 is also the election port of server.1"}, ""},
		{"any address", "clientPort=2181\nserver.1=0.0.0.0:2888:3888\nserver.2=b:2888:3888\nserver.3=0.0.0.0:2888:3888", nil, ""},
		{"loopback", "clientPort=2181\nserver.1=localhost:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888", nil,
			"is at localhost, where only servers on the same machine find it, and server.2 is not"},
		{"even", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2", nil,
			"4 voting servers survive no more failures than 3"},
		{"two", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2", nil, "2 voting server(s) survive no failure"},
	} {
		_, warnings, err := Load(Source{File: "z", ReadFile: files(map[string]string{"z": limits + tc.text, "/d/myid": "1"})})
		var all Errors
		errors.As(err, &all)
		if len(all) != len(tc.want) {
			t.Errorf("%s: %v, want %d problems", tc.name, err, len(tc.want))
			continue
		}
		for i, want := range tc.want {
			if !strings.Contains(all[i].Error(), want) {
				t.Errorf("%s: %v, want %s", tc.name, all[i], want)
			}
		}
		var said []string
		for _, w := range warnings {
			said = append(said, w.Reason)
		}
		if got := strings.Join(said, "\n"); tc.advice == "" && got != "" || !strings.Contains(got, tc.advice) {
			t.Errorf("%s: advice %q, want %q", tc.name, got, tc.advice)
		}
	}
}
