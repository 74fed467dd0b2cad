package pipeline

import (
	"errors"
	"strings"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// anyVersion, as an expected version, matches every version.
const anyVersion = -1

func versionMatches(expected, current int32) bool {
	return expected == anyVersion || expected == current
}

func (p *Preparer) setData(req *Request, r *wire.SetDataRequest) (change, wire.Code) {
	node, code := p.target(req, r.Path)
	if code != wire.OK {
		return change{}, code
	}
	if !p.acls.Allowed(node.acl, req.Auth, wire.PermWrite) {
		return change{}, wire.NoAuth
	}
	if code := p.checkQuota(r.Path, int64(len(r.Data))-int64(node.dataLen), 0); code != wire.OK {
		return change{}, code
	}
	if !versionMatches(r.Version, node.version) && !plant.In(plant.VersionUnchecked) {
		return change{}, wire.BadVersion
	}
	node.version++
	node.dataLen = int32(len(r.Data))
	return change{body: &wire.SetDataTxn{Path: r.Path, Data: r.Data, Version: node.version}, node: node, at: node.at}, wire.OK
}

func (p *Preparer) setACL(req *Request, r *wire.SetACLRequest) (change, wire.Code) {
	if code := p.checkSessionAndPath(req, r.Path); code != wire.OK {
		return change{}, code
	}
	acl, code := p.acls.FixupACL(r.ACL, req.Auth)
	if code != wire.OK {
		return change{}, code
	}
	node, ok := p.node(r.Path)
	switch {
	case !ok:
		return change{}, wire.NoNode
	case !p.acls.Allowed(node.acl, req.Auth, wire.PermAdmin):
		return change{}, wire.NoAuth
	case !versionMatches(r.Version, node.aversion):
		return change{}, wire.BadVersion
	}
	node.aversion++
	return change{body: &wire.SetACLTxn{Path: r.Path, ACL: acl, Aversion: node.aversion}, node: node, at: node.at}, wire.OK
}

// check is the operation of a multi that only compares a version.
func (p *Preparer) check(req *Request, r *wire.PathVersionRequest) (change, wire.Code) {
	node, code := p.target(req, r.Path)
	switch {
	case code != wire.OK:
		return change{}, code
	case !p.acls.Allowed(node.acl, req.Auth, wire.PermRead):
		return change{}, wire.NoAuth
	case !versionMatches(r.Version, node.version) && !plant.In(plant.CheckIgnored):
		return change{}, wire.BadVersion
	}
	return change{body: &wire.CheckVersionTxn{Path: r.Path, Version: node.version + 1}, noWrite: true}, wire.OK
}

// target finds the node of a setData or check.
func (p *Preparer) target(req *Request, path string) (nodeState, wire.Code) {
	if code := p.checkSessionAndPath(req, path); code != wire.OK {
		return nodeState{}, code
	}
	node, ok := p.node(path)
	if !ok {
		return nodeState{}, wire.NoNode
	}
	return node, wire.OK
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

func (p *Preparer) delete(req *Request, r *wire.PathVersionRequest) (change, wire.Code) {
	if code := p.checkSession(req, false); code != wire.OK {
		return change{}, code
	}
	if code := checkDeletable(r.Path); code != wire.OK {
		return change{}, code
	}
	parent, ok := p.node(parentOf(r.Path))
	if !ok {
		return change{}, wire.NoNode
	}
	if !p.acls.Allowed(parent.acl, req.Auth, wire.PermDelete) {
		return change{}, wire.NoAuth
	}
	node, ok := p.node(r.Path)
	switch {
	case !ok:
		return change{}, wire.NoNode
	case !versionMatches(r.Version, node.version):
		return change{}, wire.BadVersion
	case node.children > 0:
		return change{}, wire.NotEmpty
	}
	return removal(r.Path, parent, node.at), wire.OK
}

// deleteContainer deletes a container or TTL node on behalf of the server,
// which found it due. It has been looked for in the applied tree, so whatever
// has happened to it since takes precedence: children, another kind of node
// under its name, or any change still under way. (ZooKeeper deletes a plain
// node that has come in its place.)
func (p *Preparer) deleteContainer(path string) (change, wire.Code) {
	if code := checkDeletable(path); code != wire.OK {
		return change{}, code
	}
	node, ok := p.node(path)
	if !ok {
		return change{}, wire.NoNode
	}
	_, changed := p.overlay.nodes[path]
	switch {
	case node.children > 0 && !plant.In(plant.ContainerInUse):
		return change{}, wire.NotEmpty
	case changed && !plant.In(plant.ContainerInUse), node.owner == 0, node.ephemeral:
		return change{}, wire.BadVersion
	}
	parent, ok := p.node(parentOf(path))
	if !ok {
		return change{}, wire.NoNode
	}
	return removal(path, parent, node.at), wire.OK
}

func removal(path string, parent nodeState, at datatree.Node) change {
	parent.children--
	return change{body: &wire.DeleteTxn{Path: path}, parent: parent, inTree: true, at: at}
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
func (p *Preparer) reconfig(req *Request, r *wire.ReconfigRequest) (change, wire.Code) {
	if !p.opts.ReconfigEnabled {
		return change{}, wire.ReconfigDisabled
	}
	if code := p.checkSession(req, false); code != wire.OK {
		return change{}, code
	}
	if p.opts.Reconfigure == nil {
		return change{}, wire.Unimplemented
	}
	next, err := p.opts.Reconfigure(r, p.last)
	var refused *quorum.ReconfigError
	if errors.As(err, &refused) {
		return change{}, refused.Code
	}
	node, ok := p.node(configPath)
	switch {
	case err != nil:
		return change{}, wire.RuntimeInconsistency
	case !ok:
		return change{}, wire.NoNode
	case !p.acls.Allowed(node.acl, req.Auth, wire.PermWrite):
		return change{}, wire.NoAuth
	}
	text := next.Text()
	node.version, node.dataLen = -1, int32(len(text))
	return change{body: &wire.SetDataTxn{Path: configPath, Data: text, Version: -1}, node: node}, wire.OK
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
