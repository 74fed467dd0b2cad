// Package store keeps checkpoints of the tree in a Badger database.
//
// A checkpoint is a set of records (datatree.Record) that takes effect as a
// whole. Only what changed since the one before is written.
//
// # How a checkpoint becomes atomic
//
// A checkpoint may be larger than what Badger commits at once, so the database
// is opened in managed mode and every record of checkpoint number n is written
// with the commit timestamp n. When all are written and synced, the key "C" is
// set to n, and synced too. Load reads at the timestamp that C holds: a
// checkpoint that was interrupted is invisible.
//
// What an interrupted checkpoint left must not show through later either. Open
// looks for versions younger than C, writes under the next timestamp again what
// each such key held as of C, and raises C to that.
//
// Once checkpoint n is complete, versions before n may be dropped by Badger's
// compaction.
//
// # When it is open
//
// Badger keeps tables mapped and memtables allocated while a database is open,
// and the server needs it for a moment at a time: Load and Commit open it, Close
// closes it. The caller closes when it has no checkpoint to write for a while.
//
// A Store is used by one goroutine at a time.
package store
