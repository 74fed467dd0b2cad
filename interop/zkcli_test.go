package interop

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

// zkCliScript is what a person might type. It is one session: each line sees the
// effects of the ones before it.
var zkCliScript = strings.TrimSpace(`
ls /
create /cli data
create /cli other
create /none/x
create -s /cli/seq- x
create -e /cli/eph
create -s -e /cli/es- x
create -c /cli/cont
create -t 100000 /cli/ttl x
create -e /cli/eph/kid
get /cli
get -s /cli
get -b /cli
get /cli/none
stat /cli
set /cli more
set -s /cli evenmore
set -v 9 /cli nope
ls /cli
ls -s /cli
ls -R /cli
getEphemerals
getEphemerals /cli/eph
getAllChildrenNumber /cli
getAcl /cli
getAcl -s /cli
setAcl /cli world:anyone:cdrwa,ip:127.0.0.1:r
setAcl /cli nonsense
setAcl /cli foo:bar:r
getAcl /cli
addauth digest ann:secret
whoami
create /cli/ann x auth::cdrwa
getAcl /cli/ann
sync /cli
config
reconfig -remove 5
setquota -n 3 /cli/ann
listquota /cli/ann
setquota -N 2 -b 100 /cli/ann
setquota -N 2 /cli/ann
listquota /cli/ann
create /cli/ann/one
create /cli/ann/two
listquota /cli/ann
delquota -n /cli/ann
listquota /cli/ann
delquota /cli/ann
listquota /cli/ann
setquota -n 3 /cli/none
get -w /cli
set /cli watched
ls -w /cli
create /cli/seen
addWatch /cli
create /cli/seen/below
delete /cli/seen
delete /cli/seen/below
delete /cli/seen
removewatches /cli -r
removewatches /cli
delete -v 7 /cli/cont
delete /cli/cont
deleteall /cli
ls /
set /zookeeper/config x
delete /zookeeper
printwatches off
version
nonsense
close
ls /
`)

// zkCliMasks hide what differs between two servers and two runs.
var zkCliMasks = mask(
	`127\.0\.0\.1:\d+`, "ADDR",
	`(?i)([cmp]zxid = |zxid: )0?x?[0-9a-f]+`, "${1}N",
	`([cm]time = ).*`, "${1}TIME",
	`ephemeralOwner = 0x[0-9a-f]{2,}`, "ephemeralOwner = SESSION",
	`ZooKeeper CLI version: .*`, "ZooKeeper CLI version: V",
)

// TestZkCli types a script into the shell that comes with the Java client, on
// all servers, and compares what it prints. Events are compared apart: when
// they come between two answers is open.
func TestZkCli(t *testing.T) {
	parallel(t)
	config := clientConfig()
	config["enforceQuota"] = "true"
	everyStand(t, config, func(s *harness.Server) func() []string {
		return func() []string {
			out := env.ZkCli(t, s, zkCliScript)
			answers, events := splitEvents(out)
			if len(events) < 7 || len(answers) < 150 {
				t.Errorf("%d events and %d lines from %s:\n%s", len(events), len(answers), name(s), out)
			}
			return append(append(answers, "== events"), events...)
		}
	})
}

var prompt = regexp.MustCompile(`^\[zk: .*\] `)

// splitEvents takes the events out of what the shell printed.
func splitEvents(text string) (answers, events []string) {
	for _, m := range zkCliMasks {
		text = m.re.ReplaceAllString(text, m.with)
	}
	for l := range strings.Lines(text) {
		l = prompt.ReplaceAllString(strings.TrimSuffix(l, "\n"), "")
		switch {
		case strings.HasPrefix(l, "WatchedEvent "):
			events = append(events, l)
		case l == "" || l == "WATCHER::":
		default:
			answers = append(answers, l)
		}
	}
	sortIdentities(answers)
	return answers, events
}

var identity = regexp.MustCompile(`^(digest|ip|super): ?`)

// sortIdentities sorts what whoami lists in any order.
func sortIdentities(lines []string) {
	for i := 0; i < len(lines); i++ {
		end := i
		for end < len(lines) && identity.MatchString(lines[end]) {
			end++
		}
		slices.Sort(lines[i:end])
		i = end
	}
}

// TestZkCliExitCode runs single commands, as scripts do.
func TestZkCliExitCode(t *testing.T) {
	parallel(t)
	commands := [][]string{{"ls", "/"}, {"get", "/none"}, {"nonsense"}}
	everyStand(t, nil, func(s *harness.Server) func() []string {
		return func() (lines []string) {
			for _, c := range commands {
				lines = append(lines, sprintf("%v exits with %d", c, env.ZkCliExit(t, s, c...)))
			}
			return lines
		}
	})
}
