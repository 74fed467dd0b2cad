// Package inspect reads the data directories of a server that is not running and
// changes nothing in them: Verify checks that a start would find everything that
// was acknowledged, Transactions lists the log.
//
// Both hold the lock of the log while they read, so a server that is started
// meanwhile refuses, and fail with ErrRunning if one is running. Verify examines
// a copy of the checkpoint store, in the directory for temporary files: opening
// the store itself would repair and compact it.
//
// # What Verify checks
//
//   - every segment of the log: headers, checksums, the chain from record to
//     record and segment to segment, zxids without a gap (txnlog.Verify);
//   - every transaction in it: that it decodes;
//   - the checkpoint: every checksum of the store, every record, and the tree
//     they make up against its digest (store, datatree.Loader);
//   - that checkpoint and log belong together: the log goes on from the
//     checkpoint, or from before it, and does not end before it;
//   - that every transaction behind the checkpoint does to the tree what it says, and
//     that the tree then has the digest that came with it (TreeCheck);
//   - the mark of an unfinished restore;
//   - the mark of a member that must not count on what it holds, and the damaged files
//     that it has put aside.
//
// What it cannot find is a log and a checkpoint that were both put back from the
// same older copy: they are whole, only not the newest.
package inspect
