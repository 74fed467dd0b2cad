package pipeline

import (
	"errors"
	"strings"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// anyVersion, as an expected version, matches every version.
const anyVersion = -1

func versionMatches(expected, current int32) bool {
	return expected == anyVersion || expected == current
}

func (p *Preparer) setData(c *change, req *Request, r *wire.SetDataRequest) wire.Code {
	node := &c.node
	if code := p.target(node, req, r.Path); code != wire.OK {
		return code
	}
	if !p.acls.Allowed(node.acl, req.Auth, wire.PermWrite) {
		return wire.NoAuth
	}
	if code := p.checkQuota(r.Path, int64(len(r.Data))-int64(node.dataLen), 0); code != wire.OK {
		return code
	}
	if !versionMatches(r.Version, node.version) && !plant.In(plant.VersionUnchecked) {
		return wire.BadVersion
	}
	node.version++
	node.dataLen = int32(len(r.Data))
	c.body, c.at = &wire.SetDataTxn{Path: r.Path, Data: r.Data, Version: node.version}, node.at
	return wire.OK
}

func (p *Preparer) setACL(c *change, req *Request, r *wire.SetACLRequest) wire.Code {
	if code := p.checkSessionAndPath(req, r.Path); code != wire.OK {
		return code
	}
	acl, code := p.acls.FixupACL(r.ACL, req.Auth)
	if code != wire.OK {
		return code
	}
	node := &c.node
	switch ok := p.node(r.Path, node); {
	case !ok:
		return wire.NoNode
	case !p.acls.Allowed(node.acl, req.Auth, wire.PermAdmin):
		return wire.NoAuth
	case !versionMatches(r.Version, node.aversion):
		return wire.BadVersion
	}
	node.aversion++
	c.body, c.at = &wire.SetACLTxn{Path: r.Path, ACL: acl, Aversion: node.aversion}, node.at
	return wire.OK
}

// check is the operation of a multi that only compares a version.
func (p *Preparer) check(c *change, req *Request, r *wire.PathVersionRequest) wire.Code {
	node := &c.node
	switch code := p.target(node, req, r.Path); {
	case code != wire.OK:
		return code
	case !p.acls.Allowed(node.acl, req.Auth, wire.PermRead):
		return wire.NoAuth
	case !versionMatches(r.Version, node.version) && !plant.In(plant.CheckIgnored):
		return wire.BadVersion
	}
	c.body, c.noWrite = &wire.CheckVersionTxn{Path: r.Path, Version: node.version + 1}, true
	return wire.OK
}

// target finds the node of a setData or check.
func (p *Preparer) target(node *nodeState, req *Request, path string) wire.Code {
	if code := p.checkSessionAndPath(req, path); code != wire.OK {
		return code
	}
	if !p.node(path, node) {
		return wire.NoNode
	}
	return wire.OK
}

func (p *Preparer) checkSessionAndPath(req *Request, path string) wire.Code {
	if code := p.checkSession(req, false); code != wire.OK {
		return code
	}
	if !wire.ValidPath(path) {
		return wire.BadArguments
	}
	return wire.OK
}

func (p *Preparer) delete(c *change, req *Request, r *wire.PathVersionRequest) wire.Code {
	if code := p.checkSession(req, false); code != wire.OK {
		return code
	}
	if code := checkDeletable(r.Path); code != wire.OK {
		return code
	}
	if !p.node(parentOf(r.Path), &c.parent) {
		return wire.NoNode
	}
	if !p.acls.Allowed(c.parent.acl, req.Auth, wire.PermDelete) {
		return wire.NoAuth
	}
	switch ok := p.node(r.Path, &c.node); {
	case !ok:
		return wire.NoNode
	case !versionMatches(r.Version, c.node.version):
		return wire.BadVersion
	case c.node.children > 0:
		return wire.NotEmpty
	}
	c.remove(r.Path)
	return wire.OK
}

// deleteContainer deletes a container or TTL node on behalf of the server,
// which found it due. It has been looked for in the applied tree, so whatever
// has happened to it since takes precedence: children, another kind of node
// under its name, or any change still under way. (ZooKeeper deletes a plain
// node that has come in its place.)
func (p *Preparer) deleteContainer(c *change, path string) wire.Code {
	if code := checkDeletable(path); code != wire.OK {
		return code
	}
	node := &c.node
	if !p.node(path, node) {
		return wire.NoNode
	}
	_, changed := p.overlay.nodes[path]
	switch {
	case node.children > 0 && !plant.In(plant.ContainerInUse):
		return wire.NotEmpty
	case changed && !plant.In(plant.ContainerInUse), node.owner == 0, node.ephemeral:
		return wire.BadVersion
	}
	if !p.node(parentOf(path), &c.parent) {
		return wire.NoNode
	}
	c.remove(path)
	return wire.OK
}

// remove makes c the deletion of the node that it has found, with its parent.
func (c *change) remove(path string) {
	c.parent.children--
	c.body, c.inTree, c.at, c.node = &wire.DeleteTxn{Path: path}, true, c.node.at, nodeState{}
}

// checkDeletable checks what ZooKeeper checks of a path to delete, which is
// less than for one to create.
func checkDeletable(path string) wire.Code {
	switch path {
	case wire.NullString:
		return wire.MarshallingError
	case "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config":
		return wire.BadArguments
	}
	if strings.IndexByte(path, '/') < 0 || strings.IndexByte(path, 0) >= 0 {
		return wire.BadArguments
	}
	return wire.OK
}

// configPath is the node that holds the configuration of the ensemble.
const configPath = "/zookeeper/config"

// reconfig changes the configuration of the ensemble. A server that does not lead
// one has none to change.
func (p *Preparer) reconfig(c *change, req *Request, r *wire.ReconfigRequest) wire.Code {
	if !p.opts.ReconfigEnabled {
		return wire.ReconfigDisabled
	}
	if code := p.checkSession(req, false); code != wire.OK {
		return code
	}
	if p.opts.Reconfigure == nil {
		return wire.Unimplemented
	}
	next, err := p.opts.Reconfigure(r, p.last)
	var refused *quorum.ReconfigError
	if errors.As(err, &refused) {
		return refused.Code
	}
	node := &c.node
	switch {
	case err != nil:
		return wire.RuntimeInconsistency
	case !p.node(configPath, node):
		return wire.NoNode
	case !p.acls.Allowed(node.acl, req.Auth, wire.PermWrite):
		return wire.NoAuth
	}
	text := next.Text()
	node.version, node.dataLen = -1, int32(len(text))
	c.body = &wire.SetDataTxn{Path: configPath, Data: text, Version: -1}
	return wire.OK
}

// parentOf is the path before the last slash; the parent of a top-level node is
// the root. path holds a slash.
func parentOf(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return "/"
	}
	return path[:i]
}
