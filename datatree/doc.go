// Package datatree is the znode tree: nodes with their stats, ACLs, ephemeral
// owners and quotas, the table of sessions, and the one function that applies a
// transaction to them. It starts no goroutine and knows no clock, file or lock:
// the caller serialises Apply against everything else, reads may run at the
// same time as reads.
//
// # Transactions
//
// Apply is the only way to change a tree; it serves live traffic, the replay of
// a log and the synchronisation of a learner alike. The values in a transaction
// are results, so applying it needs no decision. A Result holds what the reply
// needs and, in Changes, what watches are triggered by, in order.
//
// A transaction at or below LastZxid is ignored. Beyond that a transaction may
// meet a tree that holds effects of it, or of later ones, node by node in any
// mixture: ZooKeeper writes its snapshots while the tree changes. Replaying all
// transactions from the snapshot's zxid on then leads to the tree that they
// made in the first place, because
//
//   - versions and ACLs are absolute, and a parent's counter of children and its
//     pzxid only grow;
//   - a node that is younger than the transaction (czxid) is left alone: the
//     transaction was about another node that had the path before;
//   - a node with children is not deleted; they belong to a later node of the
//     path, whose create, when its turn comes, starts the old one anew.
//
// The third form of closeSession, without a list of paths (before 3.6), cannot
// give this: it deletes what the tree then knows of the session.
//
// # Memory
//
// A million nodes of 100 bytes take 178 MB. The garbage collector sees some
// thousand objects of it, nearly all without pointers:
//
//	node    48 bytes: zxid and time of creation, links to parent and siblings,
//	        where name and data are, ACL, path hash        slab.go, node.go
//	ext     64 bytes, only for nodes that were set, have or had children, or
//	        have an owner: the rest of the stat, first child, owner's list
//	block   name and data in one block of a size class in a 64 KiB page; larger
//	        than 32 KiB, a slice of its own                arena.go
//	index   5 bytes an entry at a load of 64 to 80 percent index.go
//	ACL     each distinct list once                        acl.go
//
// A node is named by its slot, a number that is used again after the node is
// gone. Siblings are a list in order of creation, so listing copies nothing and
// a node with a million children is as quick to change as any. A path is found
// by its hash, which is chained from component to component, and verified by
// walking up; Find allocates nothing. The trie of quotas is the tree itself,
// below /zookeeper/quota.
//
// # Checkpoints
//
// The tree marks the slots that change. Scan takes the marks and delivers those
// slots as records, in steps, as they were when it was called: a slot that is
// about to change before its turn is put aside first. Done forgets the marks,
// Cancel gives them back. The records are keys and values for any ordered or
// unordered store, and only together, in one atomic write, lead from one
// checkpoint to the next. Numbers are big endian, uvarint is as in
// encoding/binary:
//
//	key                   value
//	'm'                   byte format = 1 · long zxid · long digest · long nodes
//	's' long session      int timeout, milliseconds
//	'n' int slot          byte flags (1 stat, 2 ACL, 4 null data) ·
//	                      uvarint parent's slot · uvarint length · name ·
//	                      long czxid · long ctime ·
//	                      [stat: long mzxid · long mtime · long pzxid · long owner ·
//	                       int version · int cversion · int aversion] ·
//	                      [ACL: uvarint length · vector<ACL> as on the wire] ·
//	                      data, to the end
//
// Without a stat the node was never set: mzxid and pzxid are czxid, mtime is
// ctime, the rest is 0. Without an ACL it is world:anyone:cdrwa. cversion is the
// number of children ever created. The root is slot 1 and its own parent;
// /zookeeper, /zookeeper/quota and /zookeeper/config are slots 2 to 4. Slots
// are below 2^28. A Loader takes the records in any order and checks that they
// are a whole tree: number of nodes, parents, names, and the digest over
// everything but the ACLs.
//
// # ZooKeeper's snapshot
//
// Snapshot writes and ReadSnapshot and ReadStream read ZooKeeper's own formats:
//
//	[file: int 'ZKSN' · int 2 · long -1]
//	int n · n × (long session · int timeout)
//	int n · n × (long index · vector<ACL>)
//	per node, parents first: ustring path ("" is the root) · buffer data ·
//	    long ACL index (-1 is world:anyone:cdrwa) · StatPersisted
//	ustring "/"
//	stream: ustring "BenWasHere"
//	file:   seal · [long zxid · int 2 · long digest · seal] · [long zxid · seal]
//
// where a seal is the Adler-32 of everything before it, as a long, and the
// ustring "/". What stands behind the first seal is told apart by its length.
package datatree
