// Package watch decides who wants to know what: which connection is told about
// a change of which path. It follows client reference section 5.
//
// # Tables and modes
//
// There are two tables, data and child. What a connection holds on a path is a
// set of modes:
//
//	Data        one-shot, data table    exists, getData
//	Child       one-shot, child table   getChildren, getChildren2
//	Persistent  stays, both tables      addWatch mode 0
//	Recursive   stays, data table       addWatch mode 1; also for all paths below
//
// Setting a mode twice is the same as setting it once. The watcher is a number
// that the server gave to the connection.
//
// # Triggers
//
//	create N    Trigger(NodeCreated, N), Trigger(NodeChildrenChanged, parent of N)
//	delete N    Trigger(NodeDeleted, N), Trigger(NodeChildrenChanged, parent of N)
//	set N       Trigger(NodeDataChanged, N)
//
// NodeCreated and NodeDataChanged concern the data table: the watchers of the
// path and those with Recursive on it or on an ancestor. NodeDeleted concerns the
// data table and then those of the child table that it did not name already.
// NodeChildrenChanged concerns the child table. A trigger names a watcher once,
// in this order: the path's own in the order in which they first set a watch
// there, then the recursive ones of each ancestor from the root down. The one-shot
// modes it met are used up, also if the server then withholds the event because
// the watcher may not read the node.
//
// # Concurrency
//
// Nothing here locks. A path belongs to one shard, and methods that take a path,
// or a shard, touch nothing outside it unless their comment says so: the caller
// holds one mutex per shard for them. Trigger, RemoveWatcher and the listings
// touch many shards: for them the caller keeps everybody else out.
//
// # Memory
//
// A watch is 24 bytes and its cell in a hash index; a path, stored once however
// many watch it, is its bytes, 24 more and a cell in an index. There are no
// pointers among them. With room to grow, a million watches measure 113 bytes each
// where every one has a path of its own of 31 bytes, and 36 where a thousand share
// a path. A shard that has become mostly empty is rebuilt, so memory follows the
// number of watches down as well as up.
package watch
