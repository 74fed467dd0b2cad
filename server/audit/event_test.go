package audit

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// The lines of ZooKeeper's documentation.
func TestLines(t *testing.T) {
	client := Event{Session: 0x19344730000, User: "192.168.1.2,zkcli@HADOOP.COM", IP: "192.168.1.2"}
	with := func(operation, znode, znodeType, acl string, r Result) Event {
		e := client
		e.Operation, e.Znode, e.ZnodeType, e.ACL, e.Result = operation, znode, znodeType, acl, r
		return e
	}
	const begin = "session=0x19344730000\tuser=192.168.1.2,zkcli@HADOOP.COM\tip=192.168.1.2\t"
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{User: "root", Operation: Start, Result: Success}, "user=root\toperation=serverStart\tresult=success"},
		{Event{User: "root", Operation: Stop, Result: Invoked}, "user=root\toperation=serverStop\tresult=invoked"},
		{with(Create, "/a", TypeOf(wire.ModePersistent), "", Success), begin + "operation=create\tznode=/a\tznode_type=persistent\tresult=success"},
		{with(SetACL, "/a", "", ACLText(wire.WorldAnyone(wire.PermAll)), Failure), begin + "operation=setAcl\tznode=/a\tacl=world:anyone:cdrwa\tresult=failure"},
		{with(Multi, "", "", "", Failure), begin + "operation=multiOperation\tresult=failure"},
		{Event{Session: 1, User: "root", Operation: EphemeralRemoval, Znode: "/e", Result: Success},
			"session=0x1\tuser=root\toperation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/e\tresult=success"},
	} {
		if got := string(c.event.AppendTo(nil)); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

// Clients choose paths and names.
func TestClientsForgeNoLine(t *testing.T) {
	e := Event{User: "eve\nuser=root", Operation: Create, Znode: "/a\tresult=success\r\u0085\u2028\x7fé\xff", Result: Failure}
	const want = `user=eve\u000auser=root` + "\toperation=create\t" + `znode=/a\u0009result=success\u000d\u0085\u2028\u007fé` + "\ufffd\tresult=failure"
	if got := string(e.AppendTo(nil)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestACLText(t *testing.T) {
	acl := []wire.ACL{
		{Perms: wire.PermRead | wire.PermAdmin | 64, ID: wire.ID{Scheme: "ip", ID: "10.0.0.0/8"}},
		{Perms: wire.PermCreate | wire.PermDelete | wire.PermWrite, ID: wire.ID{Scheme: "auth"}},
	}
	if got := ACLText(acl); got != "ip:10.0.0.0/8:ra,auth::cdw" {
		t.Errorf("got %s", got)
	}
}

func TestTypesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for mode := wire.ModePersistent; mode.Valid(); mode++ {
		if name := TypeOf(mode); name == "" || seen[name] {
			t.Errorf("mode %d is called %q", mode, name)
		} else {
			seen[name] = true
		}
	}
	if TypeOf(-1) != "" || TypeOf(7) != "" {
		t.Error("modes that there are not have a name")
	}
}
