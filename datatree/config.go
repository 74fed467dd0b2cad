package datatree

import (
	"bytes"

	"github.com/zabra/zabra/wire"
)

// SetConfig makes text the data of /zookeeper/config, without a transaction: each
// server of an ensemble does so by itself when it begins to serve. The node's stat
// then bears version -1, the configuration's version as mzxid, and the server's own
// time (milliseconds since 1970), as ZooKeeper's does; digests leave it out. A node
// that holds text under that version already stays as it is.
func (t *Tree) SetConfig(text []byte, version wire.Zxid, nowMs int64) {
	n := t.nodes.at(configSlot)
	if e := t.stored(n); wire.Zxid(e.mzxid) == version && e.version == -1 && bytes.Equal(t.data(n), text) {
		return
	}
	grown := int64(len(text)) - int64(max(n.dataLen, 0))
	t.change(configSlot, configPath, func(n *node, e *ext) {
		t.putData(n, text)
		e.version, e.mzxid, e.mtime = -1, int64(version), nowMs
	})
	t.dataSize += grown
}

// Config is the data of /zookeeper/config, null before anybody has set it.
func (t *Tree) Config() []byte { return t.data(t.nodes.at(configSlot)) }
