// Package store keeps checkpoints of the tree in a Badger database.
//
// A checkpoint is a set of records (datatree.Record) that takes effect as a
// whole. Only what changed since the one before is written, packed into blobs: an
// entry of Badger costs as much CPU as some kilobytes in it.
//
// # Format
//
// Numbers are big endian, uvarint is as in encoding/binary. The keys and values
// of the database, as of version n, where n is the number in the head:
//
//	key                           value
//	'C'                           byte format = 2 · long number ·
//	                              long blobs · long bytes ·
//	                              meta record of datatree · int checksum
//	byte kind · long group ·      int records · content · int checksum
//	    long ^number · int part
//
// The first is the head. Its number is that of the last complete checkpoint; blobs
// and bytes are how many others there are and how long their values together, so
// that none can be missing. There is no head before the first checkpoint is
// complete. A head of eight bytes is that of format 1.
//
// The others are blobs. Kind and group say which records are in it: those of
// datatree's kind 'n' (nodes, by slot) or 's' (sessions, by id) whose number
// shifted right by 12 bits is group. Number is the checkpoint that wrote the blob;
// it is stored inverted, so that the youngest comes first. What a checkpoint writes
// of a group is cut into parts, counted from 0, with values of at most 65,024 bytes.
// The contents of all parts, one after the other, are records:
//
//	uvarint low 12 bits of the number · uvarint 0                   removed
//	uvarint low 12 bits of the number · uvarint length+1 · value    put
//
// in any order, none twice. A part ends where a record ends, unless that record
// is longer than a part; how many records end in it is the number at its beginning.
// Of several records with the same number the one of the youngest checkpoint
// counts.
//
// A checksum is a CRC32C of the key and of the value before it.
//
// # Bases and deltas
//
// Of a group's blobs those with the lowest number are the base: that checkpoint
// wrote all records that the group then had. The others are deltas. A group is worn
// when its deltas outweigh its base. A delta weighs its bytes, 1 KiB for being an
// entry, and twice what its records lack to the average length of those in the
// base, so that removals weigh two records each. The next checkpoint
// writes worn groups anew, the worst first: Begin names them, the tree delivers all
// that is in them beside what changed (datatree.Tree.Refresh), and what was there
// before is removed with the same version. So
//
//   - a checkpoint writes what changed, and of worn groups at most twice as much as
//     the one before had of changes, and 16 MiB; at least one group;
//   - what is written anew in the long run is at most twice what was changed,
//     a blob counted 1 KiB longer than it is and a removal as a record;
//   - there are at most about three times as many bytes as live, unless more wears
//     at once than that lets be written; then it takes some checkpoints more.
//
// A blob that is removed stays on the disk until Badger compacts its table. That
// comes by itself while data is written; Tidy does it after that.
//
// # How a checkpoint becomes atomic
//
// A checkpoint may be larger than what Badger commits at once, so the database
// is opened in managed mode and every blob of checkpoint number n is written,
// and every one that it replaces is removed, with the commit timestamp n. When
// all is synced, the head is written with n, and synced too. Load reads at the
// timestamp that the head holds: a checkpoint that was interrupted is invisible.
//
// What an interrupted checkpoint left must not show through later either. Opening
// looks for versions younger than the head's, writes under the next timestamp again
// what each such key held as of the head, and raises the number in the head to that.
//
// Once checkpoint n is complete, versions before n may be dropped by Badger's
// compaction.
//
// # Damage
//
// Tables are checked before Badger opens them, each once in the life of a Store:
// Badger does not, or ends the process. Checksums of blobs and head, the totals in
// the head, and at last the digest of the tree show what comes from elsewhere. Load
// fails with a DamageError then, and with a FormatError on a store of another
// format; neither changes the checkpoint.
//
// # When it is open
//
// Badger keeps tables mapped and memtables allocated while a database is open,
// and the server needs it for a moment at a time: Load and Begin open it, Close
// and Tidy close it. The caller closes when it has no checkpoint to write for a
// while. Which blobs there are, some 25 bytes for each, is remembered.
//
// A Store is used by one goroutine at a time.
package store
