package server_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// digestID is the id that user:password proves.
func digestID(userPassword string) string {
	user, _, _ := strings.Cut(userPassword, ":")
	sum := sha1.Sum([]byte(userPassword))
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

const superPassword = "super:aW5zdHJ1Y3Rpb25z"

var superLine = "DigestAuthenticationProvider.superDigest=" + digestID(superPassword)

func (c *client) auth(scheme, data string) {
	c.t.Helper()
	c.do(wire.OK, wire.OpAuth, &wire.AuthRequest{Scheme: scheme, Auth: []byte(data)}, nil)
}

// superClient is a client with all rights.
func (s *site) superClient() *client {
	s.t.Helper()
	c := s.client()
	c.auth("digest", superPassword)
	return c
}

// An attempt is an operation on a node /…/n that needs one of some permissions
// on it.
type attempt struct {
	name  string
	op    wire.OpCode
	perms int32 // any of these on the node, or on its parent
	above bool  // on the parent
	body  func(path string) wire.Record
	multi func(path string) []wire.MultiOp
}

func pathWatch(path string) wire.Record { return &wire.PathWatchRequest{Path: path, Watch: true} }
func pathOnly(path string) wire.Record  { return &wire.PathRequest{Path: path} }

func createIn(flags wire.CreateMode) func(string) wire.Record {
	return func(path string) wire.Record {
		return &wire.CreateRequest{Path: path + "/new", ACL: anyone, Flags: int32(flags)}
	}
}

func oneOf(op wire.OpCode, body func(string) wire.Record) func(string) []wire.MultiOp {
	return func(path string) []wire.MultiOp { return []wire.MultiOp{{Op: op, Body: body(path)}} }
}

func version(path string) wire.Record { return &wire.PathVersionRequest{Path: path, Version: -1} }
func setData(path string) wire.Record {
	return &wire.SetDataRequest{Path: path, Data: []byte("new"), Version: -1}
}
func setOpen(path string) wire.Record {
	return &wire.SetACLRequest{Path: path, ACL: anyone, Version: -1}
}
func createN(path string) wire.Record { return createIn(wire.ModePersistent)(path) }
func readOne(path string) wire.Record { return &wire.PathWatchRequest{Path: path} }
func createTTL(path string) wire.Record {
	return &wire.CreateTTLRequest{Path: path + "/new", ACL: anyone, Flags: int32(wire.ModePersistentTTL), TTL: 1e9}
}

var attempts = []attempt{
	{name: "exists", op: wire.OpExists, perms: wire.PermRead, body: pathWatch},
	{name: "getData", op: wire.OpGetData, perms: wire.PermRead, body: pathWatch},
	{name: "getChildren", op: wire.OpGetChildren, perms: wire.PermRead, body: pathWatch},
	{name: "getChildren2", op: wire.OpGetChildren2, perms: wire.PermRead, body: pathWatch},
	{name: "getAllChildrenNumber", op: wire.OpGetAllChildrenNumber, perms: wire.PermRead, body: pathOnly},
	{name: "getACL", op: wire.OpGetACL, perms: wire.PermRead | wire.PermAdmin, body: pathOnly},
	{name: "setData", op: wire.OpSetData, perms: wire.PermWrite, body: setData},
	{name: "setACL", op: wire.OpSetACL, perms: wire.PermAdmin, body: setOpen},
	{name: "create", op: wire.OpCreate, perms: wire.PermCreate, body: createN},
	{name: "create2", op: wire.OpCreate2, perms: wire.PermCreate, body: createN},
	{name: "createContainer", op: wire.OpCreateContainer, perms: wire.PermCreate, body: createIn(wire.ModeContainer)},
	{name: "createTTL", op: wire.OpCreateTTL, perms: wire.PermCreate, body: createTTL},
	{name: "delete", op: wire.OpDelete, perms: wire.PermDelete, above: true, body: func(p string) wire.Record { return version(p + "/child") }},
	{name: "multi setData", op: wire.OpMulti, perms: wire.PermWrite, multi: oneOf(wire.OpSetData, setData)},
	{name: "multi create", op: wire.OpMulti, perms: wire.PermCreate, multi: oneOf(wire.OpCreate, createN)},
	{name: "multi check", op: wire.OpMulti, perms: wire.PermRead, multi: oneOf(wire.OpCheck, version)},
	{name: "multi delete", op: wire.OpMulti, perms: wire.PermDelete, above: true,
		multi: oneOf(wire.OpDelete, func(p string) wire.Record { return version(p + "/child") })},
	{name: "multiRead getData", op: wire.OpMultiRead, perms: wire.PermRead, multi: oneOf(wire.OpGetData, readOne)},
	{name: "multiRead getChildren", op: wire.OpMultiRead, perms: wire.PermRead, multi: oneOf(wire.OpGetChildren, readOne)},
}

// unguarded are operations that look at no node's ACL.
var unguarded = []wire.OpCode{
	wire.OpSync, wire.OpGetEphemerals, wire.OpCheckWatches, wire.OpRemoveWatches, wire.OpSetWatches, wire.OpSetWatches2,
	wire.OpAddWatch, wire.OpWhoAmI, wire.OpCloseSession, wire.OpReconfig,
}

func TestEveryOperationIsAttempted(t *testing.T) {
	for op := wire.OpCode(-20); op < 200; op++ {
		info := pipeline.Info(op)
		if info.Class != pipeline.ClassRead && info.Class != pipeline.ClassWrite || slices.Contains(unguarded, op) {
			continue
		}
		if !slices.ContainsFunc(attempts, func(a attempt) bool { return a.op == op }) {
			t.Errorf("%v has no row: say what it needs", op)
		}
	}
}

// try makes the attempt and returns its code; for a multi that of its one
// operation.
func (c *client) try(a *attempt, path string) wire.Code {
	c.t.Helper()
	if a.multi == nil {
		return c.code(a.op, a.body(path), nil)
	}
	c.SendFunc(a.op, func(b []byte) []byte { return wire.AppendMulti(b, a.multi(path)) })
	if err := c.Flush(); err != nil {
		c.t.Fatal(err)
	}
	h, body, err := c.Recv()
	if err != nil {
		c.t.Fatal(err)
	}
	if h.Err != wire.OK {
		return h.Err
	}
	var m wire.MultiHeader
	d := wire.NewDecoder(body)
	m.DecodeFrom(&d)
	if m.Err == wire.OK {
		return wire.OK
	}
	return m.Err
}

// state is everything there is to know of a node, for a client with all rights.
func (c *client) state(path string) string {
	c.t.Helper()
	data, stat, ok := c.get(path)
	if !ok {
		return "none"
	}
	var acl wire.GetACLResponse
	c.do(wire.OK, wire.OpGetACL, &wire.PathRequest{Path: path}, &acl)
	head := fmt.Sprintf("%q %+v %v", data, stat, acl.ACL) // before the buffer it aliases is used again
	var children wire.ChildrenResponse
	c.do(wire.OK, wire.OpGetChildren, &wire.PathWatchRequest{Path: path}, &children)
	slices.Sort(children.Names)
	return fmt.Sprintf("%s %q", head, children.Names)
}

// Every operation, with every single permission and with none, in every scheme,
// over real connections: what is not allowed is refused, changes nothing, and
// leaves no watch that tells of what may not be read.
func TestAuthorizationOverTheWire(t *testing.T) {
	p := newPKI(t)
	s := startSite(t, superLine, "extendedTypesEnabled=true", p.config(), "ssl.clientAuth=want",
		"secureClientPort=0\nsecureClientPortAddress=127.0.0.1")
	certified := func(name string) func() *client {
		return func() *client {
			nc, err := s.dialTLS(s.secureAddr(), p.client(p.issue(p.trusted, name)))
			if err != nil {
				t.Fatal(err)
			}
			return s.session(nc)
		}
	}
	digest := func(up string) func() *client {
		return func() *client {
			c := s.client()
			c.auth("digest", up)
			return c
		}
	}
	bob, eve := digest("bob:builder"), digest("eve:dropper")
	for _, who := range []struct {
		name          string
		id            wire.ID
		meant, others []func() *client
	}{
		{"world", wire.ID{Scheme: "world", ID: "anyone"}, []func() *client{s.client, bob}, nil},
		{"digest", wire.ID{Scheme: "digest", ID: digestID("bob:builder")}, []func() *client{bob}, []func() *client{eve, s.client}},
		{"x509", wire.ID{Scheme: "x509", ID: `CN=bob,O=Example\, Inc.`}, []func() *client{certified("bob")}, []func() *client{certified("eve"), bob}},
		{"ip", wire.ID{Scheme: "ip", ID: "127.0.0.1"}, []func() *client{s.client, bob}, nil},
		{"another ip", wire.ID{Scheme: "ip", ID: "127.0.0.2"}, nil, []func() *client{s.client, bob}},
		{"a network", wire.ID{Scheme: "ip", ID: "127.0.0.0/8"}, []func() *client{s.client}, nil},
		{"sasl", wire.ID{Scheme: "sasl", ID: "bob"}, nil, []func() *client{bob}},
	} {
		t.Run(who.name, func(t *testing.T) {
			// Nobody idles while it is somebody else's turn: that may last on a busy machine.
			super, meant, others := s.superClient(), connect(who.meant), connect(who.others)
			for i, perm := range []int32{0, wire.PermRead, wire.PermWrite, wire.PermCreate, wire.PermDelete, wire.PermAdmin} {
				for j := range attempts {
					a := &attempts[j]
					path := fmt.Sprintf("/%s-%d-%d", strings.ReplaceAll(who.name, " ", "-"), i, j)
					acl := wire.ACL{Perms: perm, ID: who.id}
					if who.id.Scheme == "sasl" { // not served here, so an ACL of it can only be another's
						acl.ID = wire.ID{Scheme: "digest", ID: "bob:unprovable"}
					}
					super.create(path, "secret", wire.ModePersistent, acl)
					super.create(path+"/child", "secret", wire.ModePersistent)
					for _, c := range others {
						refused(t, super, c, a, perm, path)
					}
					for _, c := range meant {
						if perm&a.perms == 0 {
							refused(t, super, c, a, perm, path)
						} else if got := c.try(a, path); got != wire.OK && got != wire.NodeExists && got != wire.NoNode {
							t.Errorf("%s with permission %d: %v, want it allowed", a.name, perm, got)
						}
					}
				}
			}
		})
	}
}

func connect(list []func() *client) (clients []*client) {
	for _, c := range list {
		clients = append(clients, c())
	}
	return clients
}

// refused wants the attempt to be refused, to change nothing, and to leave no
// watch.
func refused(t *testing.T, super, c *client, a *attempt, perm int32, path string) {
	t.Helper()
	before := super.state(path)
	if got := c.try(a, path); got != wire.NoAuth {
		t.Errorf("%s with permission %d: %v, want NoAuth", a.name, perm, got)
	}
	if after := super.state(path); after != before {
		t.Errorf("%s was refused and changed\n%s to\n%s", a.name, before, after)
	}
	events := len(*c.events)
	super.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: path, Data: []byte("secret"), Version: -1}, nil)
	c.do(wire.OK, wire.OpSync, &wire.PathRequest{Path: "/"}, nil)
	if new := (*c.events)[events:]; len(new) > 0 {
		t.Errorf("%s was refused and left a watch: %v", a.name, new)
	}
}
