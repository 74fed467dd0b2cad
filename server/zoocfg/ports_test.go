package zoocfg

import (
	"errors"
	"reflect"
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
		{"clients of another on this machine", "clientPort=2889\nserver.1=a:2888:3888\nserver.2=a:2889:3889\nserver.3=c:2888:3888",
			[]string{"clientPort: 2889 is also the quorum port of server.2"}, ""},
		{"admin and the clients of another", "clientPort=2181\nadmin.serverPort=2182\nserver.1=a:2888:3888\nserver.2=a:2889:3889;2182\nserver.3=c:2888:3888",
			[]string{"admin.serverPort: 2182 is also the client port of server.2"}, ""},
		{"admin and clients", "clientPort=8080\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888",
			[]string{"admin.serverPort: 8080 is also clientPort"}, ""},
		{"groups", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\ngroup.1=1\ngroup.2=2:3", nil,
			"2 groups survive the loss of no more groups than 1; add a group"},
		{"no group", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\ngroup.1=1:2",
			[]string{"server.3: is in no group; add it to a group line, or make it an observer"}, ""},
		{"two groups", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\ngroup.1=1:2\ngroup.2=2:3\ngroup.3=1",
			[]string{"server 2 is in group 1 already; take it out of one of them", "server 1 is in group 1 already"}, ""},
		{"observers only", "clientPort=2181\nserver.1=a:1:2:observer\nserver.2=b:1:2:observer",
			[]string{"all servers are observers; at least one must vote"}, ""},
		{"not listed", "clientPort=2181\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2",
			[]string{"server.1: is missing, and the file myid says that it is this server; add the line to the configuration of every server, or correct myid"}, ""},
		{"removed", "clientPort=2181\nversion=5\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2",
			[]string{"a reconfiguration has removed it"}, ""},
		{"a number twice", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.2=c:1:2\nserver.3=d:1:2",
			[]string{"z:7: server.2: line 6 says something else; give each of the two a number of its own, or remove one"}, ""},
		{"the same line twice", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.2=b:1:2\nserver.3=c:1:2", nil, ""},
		{"a number in two spellings", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.02=c:1:2\nserver.3=d:1:2",
			[]string{"want another number: server.2 is there already, z:6"}, ""},
		{"what follows from a line", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1\nserver.3=c:1:2\nserver.4=d:1:2\ngroup.1=1:2:3:4",
			[]string{"z:6: server.2 = \"b:1\": want host:quorumPort:electionPort"}, ""},
		{"what follows from a port", "clientPort=x\nclientPortAddress=a\nsecureClientPort=y\nsecureClientPortAddress=a",
			[]string{"z:4: clientPort = \"x\"", "z:6: secureClientPort = \"y\""}, ""},
		{"any address", "clientPort=2181\nserver.1=0.0.0.0:2888:3888\nserver.2=b:2888:3888\nserver.3=0.0.0.0:2888:3888", nil, ""},
		{"loopback", "clientPort=2181\nserver.1=localhost:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888", nil,
			"is at localhost, where only servers on the same machine find it, and server.2 is not"},
		{"even", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2", nil,
			"4 voting servers survive no more failures than 3; add one, or make one an observer"},
		{"two", "clientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2", nil, "2 voting server(s) survive no failure; have three"},
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

// What is asked for and not there yet is said, once for each key.
func TestLacks(t *testing.T) {
	three := "dataDir=/d\nclientPort=2181\ninitLimit=1\nsyncLimit=1\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n"
	values := map[Kind]string{Bool: "true", YesNo: "no", Int: "7", Float: "0.5", Millis: "7000", Port: "99", Text: "/x"}
	for _, m := range lacks {
		k := keyNamed(m.key)
		if k == nil {
			t.Errorf("there is no key %s", m.key)
			continue
		}
		value := values[k.Kind]
		if k.Kind == Bool && k.Default == "true" {
			value = "false"
		}
		for text, want := range map[string]int{k.Name + "=" + value: 1, k.Name + "=" + k.Default: 0} {
			if k.Default == "" && want == 0 {
				continue
			}
			_, warnings, err := Load(Source{File: "z", ReadFile: files(map[string]string{"z": three + text, "/d/myid": "1"})})
			n := 0
			for _, w := range warnings {
				if w.Key == m.key && strings.Contains(w.Reason, m.instead) {
					n++
				}
			}
			if err != nil || n != want {
				t.Errorf("%s: %d warnings, %v; want %d", text, n, err, want)
			}
		}
	}
}

func keyNamed(name string) *Key {
	for _, k := range keys.rows {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// What is there by now is no lack any more.
func TestLacksAreLacks(t *testing.T) {
	read, cfg := fieldsRead(t), defaults()
	for _, m := range lacks {
		if m.key == "readonlymode.enabled" {
			continue // it is read for the words
		}
		k := keyNamed(m.key)
		if field := fieldAt(reflect.ValueOf(cfg).Elem(), reflect.ValueOf(k.field(cfg)).Pointer()); read[field] {
			t.Errorf("%s: %s is read: take it out of lacks, and out of docs/operating.md", m.key, field)
		}
	}
}
