package interop

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

// shellScript has every command of zkCli that does not change the ensemble, with all
// options, and what people do wrong.
var shellScript = strings.TrimSpace(`
ls /
ls
ls nothere
create /cli data
create /cli other
create /cli/q "two words"
create /cli/q2 'a "b" c'
create /cli/q3 it's
create /cli/q4 pre"mid
create /cli/q5 "
create  /cli/q6   '' 
get /cli/q
get /cli/q2
get /cli/q3
get /cli/q4
get /cli/q5
get /cli/q6
ls /cli
get /cli
set /cli
create /none/x
create -s /cli/seq- x
create -e /cli/eph
create -s -e /cli/es- x
create -se /cli/es- x
create -c /cli/cont
create -t 100000 /cli/ttl x
create -s -t 100000 /cli/ttls- x
create -c -e /cli/bad
create -t 5 -e /cli/bad
create -t 5 -c /cli/bad
create -e /cli/eph/kid
create
get /cli -s
get -s /cli
get -b /cli
get -x /cli
get -b -s /cli/q2
get -b /cli/cont
get -x /cli/q2
get /cli/cont
get -sw /cli/q
get /cli/none
stat /cli
stat -w /cli/none
stat /cli watch
set /cli more
set -s /cli evenmore
set /cli -b aGVsbG8= -s
get /cli
set -v 9 /cli nope
set -v 4 /cli nope
ls -s /cli
ls -R /cli
ls /cli watch
get /cli/q watch
getEphemerals
getEphemerals /cli/eph
getAllChildrenNumber /cli
getAllChildrenNumber
getAcl /cli
getAcl -s /cli
getAcl
setAcl /cli world:anyone:cdrwa,ip:127.0.0.1:r
setAcl -s /cli world:anyone:cdrwa
setAcl -v 7 /cli world:anyone:cdrwa
setAcl /cli foo:bar:r
setAcl /cli
getAcl /cli
create /cli/t
create /cli/t/a
create /cli/t/a/b
create /cli/unseen
setAcl -R /cli/t world:anyone:cdrw
getAcl /cli/t/a/b
addauth digest ann:secret
whoami
create /cli/ann x auth::cdrwa
getAcl /cli/ann
sync /cli
sync
config
config -s
reconfig
reconfig -add server.9=x -members y
reconfig -file a -members b
reconfig -remove 5
setquota -n 3 /cli/ann
listquota /cli/ann
setquota -N 2 /cli/ann
setquota -b 100 /cli/ann
setquota -B 200 /cli/ann
listquota /cli/ann
create /cli/ann/one
create /cli/ann/two
listquota /cli/ann
setquota -n 1 /cli/ann
setquota -n 3 /cli/ann/one
setquota -n 3 /cli
setquota -n 0 /cli/ann
setquota -b -1 /cli/ann
setquota -n 3 /zookeeper/quota/cli
delquota -n /cli/ann
listquota /cli/ann
delquota /cli/ann
delquota /cli/ann
listquota /cli/ann
listquota
setquota -n 3 /cli/none
get -w /cli
get -w /cli
set /cli watched
ls -w /cli
ls -w /cli
create /cli/seen
addWatch /cli
addWatch -m PERSISTENT /cli
addWatch -m persistent_recursive /cli/t
addWatch -m NEVER /cli
addWatch
create /cli/seen/below
delete /cli/seen
delete /cli/seen/below
delete /cli/seen
delete
removewatches /cli -r
removewatches /cli -p
removewatches /cli
removewatches /cli -c
get -w /cli/q
removewatches /cli/q -d -l
removewatches
removewatches /cli/t
delete -v 7 /cli/cont
delete /cli/cont
printwatches
printwatches off
printwatches
get -w /cli/unseen
set /cli/unseen x
printwatches on
deleteall /cli -b 3
deleteall /cli
deleteall
ls /
set /zookeeper/config x
delete /zookeeper
history
redo 0
redo 1000
version
nonsense
connect ADDRESS
ls /
close
ls /
`)

// ours are lines that zabra cli prints where zkCli prints nothing: what to try, and the
// usage behind a reason. Both print all commands behind one that is not known.
var ours = regexp.MustCompile(`^(hint: |usage: |\t|ZooKeeper -server| -\w |Connecting to |Welcome to |JLine support )`)

// shellAnswers are the answers and the events in what a shell printed.
func shellAnswers(text string) (answers, events []string) {
	answers, events = splitEvents(text)
	answers = slices.DeleteFunc(answers, func(l string) bool { return ours.MatchString(l) })
	events = slices.DeleteFunc(events, func(l string) bool { return strings.Contains(l, "type:None") })
	slices.Sort(events) // several watches tell of one change in any order
	return answers, events
}

// late reports whether an event is the one that printwatches hides. zkCli prints events in
// a thread of its own, which may come to that one when they are printed again; zabra cli
// never does.
func late(event string) bool { return strings.Contains(event, "path:/cli/unseen") }

// TestShellSaysWhatZkCliSays types one script into both shells, against the same
// server, and wants the same lines.
func TestShellSaysWhatZkCliSays(t *testing.T) {
	parallel(t)
	if env.Subject() != harness.Zabra {
		t.Skip("the subject is not zabra, whose shell this is about")
	}
	for _, kind := range []harness.Kind{harness.Apache, env.Subject()} {
		t.Run(kind.String(), func(t *testing.T) {
			c := clientConfig()
			c["enforceQuota"] = "true"
			s := env.Start(t, kind, c)
			script := strings.ReplaceAll(shellScript, "ADDRESS", s.Addr)
			peer := env.ZkCli(t, s, script)
			own := env.ZabraCli(t, s, script)
			want, wantEvents := shellAnswers(peer)
			wantEvents = slices.DeleteFunc(wantEvents, late)
			got, gotEvents := shellAnswers(own)
			if len(want) < 250 || len(wantEvents) < 10 {
				t.Errorf("%d lines and %d events of zkCli:\n%s", len(want), len(wantEvents), peer)
			}
			compareTranscripts(t, append(append(want, "== events"), wantEvents...), append(append(got, "== events"), gotEvents...))
		})
	}
}
