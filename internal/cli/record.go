package cli

import (
	"time"

	"github.com/zabra/zabra/client"
)

// A record is a node as it is to be made.
type record struct {
	path string       // below what was exported, which is "/"
	data []byte       // nil for null
	acl  []client.ACL // none if it is open to everybody

	// What servers do not tell of a node that is there, but a person may have written
	// into an export.
	container bool
	ttl       time.Duration
}

// options are what there is to say to a server besides path and data.
func (r *record) options() (o []client.CreateOption) {
	if len(r.acl) > 0 {
		o = append(o, client.WithACL(r.acl...))
	}
	switch {
	case r.container:
		o = append(o, client.Container)
	case r.ttl > 0:
		o = append(o, client.TTL(r.ttl))
	}
	return o
}

// sayPersistent says what cannot be seen in what was done: ZooKeeper's protocol shows
// a container, and a node with a time to live, as a persistent node.
func (c *call) sayPersistent(done string) {
	c.out.notice("containers and nodes with a time to live are %s as persistent nodes: servers do not say which these are", done)
}
