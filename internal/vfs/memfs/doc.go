// Package memfs is a file system in memory that knows what a crash may take.
//
// It remembers, for each file, the content of the last Sync and every version
// that each page has had since; for each directory, the names at the last
// SyncDir and the changes since. FS.CrashClone makes from that a file system as
// a machine might find it after power loss, under the rules of package vfs:
//
//   - of the unsynced writes any subset of 512-byte sectors (or, in some clones,
//     of 4 KiB pages) is there, each sector as one of the writes left it, so
//     that a write can be torn and writes can be reordered;
//   - of an unsynced change of size any size in between may be there, cut at a
//     sector; bytes that were not written read as zeros;
//   - of the unsynced creates, renames and removes any subset is there, or a
//     prefix in some clones; a rename is one change.
//
// FS.KillClone is the milder case: the process died, the machine did not.
//
// To crash at every write, wrap the file system with vfs.Intercept and take a
// clone in the After hook.
package memfs
