package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// audited are the lines of an audit log without what differs from run to run.
func audited(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^.*Logger: `).ReplaceAllString(string(text), "")
	lines = regexp.MustCompile(`session=0x[0-9a-f]+`).ReplaceAllString(lines, "session=S")
	lines = regexp.MustCompile(`(?m)^(user=|session=S\tuser=)[^\t]*(\toperation=(server|ephemeral))`).ReplaceAllString(lines, "${1}ACCOUNT${2}")
	return strings.ReplaceAll(lines, "\t", " ")
}

func TestAuditLog(t *testing.T) {
	file := filepath.ToSlash(filepath.Join(t.TempDir(), "audit.log"))
	s := startSite(t, superLine, "audit.enable=true", "zabra.audit.file="+file, "extendedTypesEnabled=true", "reconfigEnabled=true")
	c := s.client()
	c.auth("digest", "bob:builder")
	open := wire.WorldAnyone(wire.PermAll)
	create := func(op wire.OpCode, path string, mode wire.CreateMode, want wire.Code) {
		t.Helper()
		c.do(want, op, &wire.CreateRequest{Path: path, ACL: open, Flags: int32(mode)}, nil)
	}
	create(wire.OpCreate, "/a", wire.ModePersistent, wire.OK)
	create(wire.OpCreate, "/a", wire.ModePersistent, wire.NodeExists)
	create(wire.OpCreate2, "/a/s-", wire.ModePersistentSequential, wire.OK)
	create(wire.OpCreate2, "/none/s-", wire.ModeEphemeralSequential, wire.NoNode)
	create(wire.OpCreate, "/a/e", wire.ModeEphemeral, wire.OK)
	create(wire.OpCreateContainer, "/a/c", wire.ModeContainer, wire.OK)
	create(wire.OpCreate, "/a\nx", wire.ModePersistent, wire.BadArguments)
	c.do(wire.OK, wire.OpCreateTTL, &wire.CreateTTLRequest{Path: "/a/t", ACL: open, Flags: int32(wire.ModePersistentTTL), TTL: 100000}, nil)
	c.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: "/a", Version: -1}, nil)
	c.do(wire.BadVersion, wire.OpSetData, &wire.SetDataRequest{Path: "/a", Version: 7}, nil)
	c.do(wire.OK, wire.OpSetACL, &wire.SetACLRequest{Path: "/a/t", ACL: open, Version: -1}, nil)
	c.do(wire.OK, wire.OpDelete, &wire.PathVersionRequest{Path: "/a/t", Version: -1}, nil)
	c.do(wire.NoNode, wire.OpDelete, &wire.PathVersionRequest{Path: "/a/t", Version: -1}, nil)
	c.do(wire.OK, wire.OpGetData, &wire.PathWatchRequest{Path: "/a"}, nil)
	c.do(wire.Unimplemented, wire.OpReconfig, &wire.ReconfigRequest{Leaving: "3", CurConfigID: -1}, nil)
	for _, version := range []int32{0, 5} {
		c.SendFunc(wire.OpMulti, func(b []byte) []byte {
			return wire.AppendMulti(b, []wire.MultiOp{
				{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: "/m", ACL: open}},
				{Op: wire.OpCheck, Body: &wire.PathVersionRequest{Path: "/m", Version: version}},
				{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: "/m", Version: 0}},
				{Op: wire.OpDelete, Body: &wire.PathVersionRequest{Path: "/m", Version: 1}},
			})
		})
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	c.do(wire.OK, wire.OpCloseSession, nil, nil)
	s.halt()
	const who = "session=S user=127.0.0.1,bob ip=127.0.0.1 operation="
	want := []string{
		"user=ACCOUNT operation=serverStart result=success",
		who + "create znode=/a znode_type=persistent result=success",
		who + "create znode=/a znode_type=persistent result=failure",
		who + "create znode=/a/s-0000000000 znode_type=persistent_sequential result=success",
		who + "create znode=/none/s- znode_type=ephemeral_sequential result=failure",
		who + "create znode=/a/e znode_type=ephemeral result=success",
		who + "create znode=/a/c znode_type=container result=success",
		who + `create znode=/a\u000ax znode_type=persistent result=failure`,
		who + "create znode=/a/t znode_type=persistent_with_ttl result=success",
		who + "setData znode=/a result=success",
		who + "setData znode=/a result=failure",
		who + "setAcl znode=/a/t acl=world:anyone:cdrwa result=success",
		who + "delete znode=/a/t result=success",
		who + "delete znode=/a/t result=failure",
		who + "reconfig result=failure",
		who + "create znode=/m znode_type=persistent result=success",
		who + "setData znode=/m result=success",
		who + "delete znode=/m result=success",
		who + "multiOperation result=failure",
		"session=S user=ACCOUNT operation=ephemeralZNodeDeletionOnSessionCloseOrExpire znode=/a/e result=success",
		"user=ACCOUNT operation=serverStop result=invoked",
	}
	if got := strings.Split(strings.TrimSpace(audited(t, file)), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNoAuditLogUnlessAskedFor(t *testing.T) {
	file := filepath.ToSlash(filepath.Join(t.TempDir(), "audit.log"))
	s := startSite(t, "zabra.audit.file="+file)
	s.client().create("/a", "", wire.ModePersistent)
	s.halt()
	if _, err := os.Stat(file); err == nil {
		t.Error("there is one")
	}
	if strings.Contains(s.log.String(), "operation=") {
		t.Error("its lines are in the server's log")
	}
}

// In an ensemble a request is in the log of the server that its client is connected to,
// and the removal of an ephemeral in those of all.
func TestAuditLogOfMembers(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	file := func(i int) string { return fmt.Sprint(dir, "/", i) }
	sites := newMembers(t, 3, 0).start(func(i int) []string {
		return []string{"audit.enable=true", "zabra.audit.file=" + file(i)}
	})
	for i, s := range sites {
		c := s.client()
		c.create(fmt.Sprint("/node", i), "", wire.ModePersistent)
		c.create(fmt.Sprint("/own", i), "", wire.ModeEphemeral)
		c.do(wire.NodeExists, wire.OpCreate, &wire.CreateRequest{Path: fmt.Sprint("/own", i), ACL: anyone}, nil)
		c.do(wire.OK, wire.OpCloseSession, nil, nil)
	}
	for _, s := range sites {
		agree(t, sites, "/node2", "")
		s.client().do(wire.OK, wire.OpSync, &wire.PathRequest{Path: "/"}, nil)
	}
	for _, s := range sites {
		s.halt()
	}
	for i := range sites {
		got := audited(t, file(i))
		for j := range sites {
			here := 0
			if i == j {
				here = 1
			}
			for line, want := range map[string]int{
				fmt.Sprintf("operation=create znode=/node%d znode_type=persistent result=success\n", j): here,
				fmt.Sprintf("operation=create znode=/own%d znode_type=ephemeral result=success\n", j):   here,
				fmt.Sprintf("operation=create znode=/own%d znode_type=persistent result=failure\n", j):  here,
				fmt.Sprintf("operation=ephemeralZNodeDeletionOnSessionCloseOrExpire znode=/own%d ", j):  1,
			} {
				if n := strings.Count(got, line); n != want {
					t.Errorf("server %d: %d times %q, want %d", i, n, line, want)
				}
			}
		}
		if t.Failed() {
			t.Logf("server %d:\n%s", i, got)
		}
	}
}
