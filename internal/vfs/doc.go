// Package vfs is the only door through which Zabra's own files reach the disk.
// The code above it never calls package os for data, so that what it does on a
// crash, a failing, a full or a stalling disk can be tested in memory.
//
//	osfs     the real disk
//	memfs    in memory; CrashClone keeps what was synced and a random part of the rest
//	faultfs  over any of them: chosen operations fail, or the disk is full
//	slowfs   over any of them: chosen operations stall
//
// # What survives a crash
//
// Code above relies on these rules and on nothing more; memfs takes away
// whatever they do not promise.
//
//   - The bytes and the size of a file are durable once File.Sync returned nil
//     after they were written. Of what was written since, a crash keeps any
//     subset of 512-byte sectors, each as some write left it. A sector that no
//     write touched since the last Sync is not harmed, nor are the bytes that
//     such a write left as they were.
//   - A name is durable once FS.SyncDir of its directory returned nil after the
//     Create, Rename or Remove. Of later changes a crash keeps any subset; a
//     Rename happens whole or not at all. Syncing a file does not sync its name.
//   - MkdirAll is durable when it returns.
//   - After a Sync that failed nothing is known about what was written since
//     the last good one, and a later Sync that succeeds proves nothing. The
//     caller must stop using the file.
//
// A process that dies (rather than the machine) loses nothing that was written.
//
// # Names
//
// Paths are those of the operating system; use path/filepath. Errors wrap
// *fs.PathError or *os.LinkError, so they name the operation and the path, and
// errors.Is works with fs.ErrNotExist, fs.ErrExist and syscall errors.
package vfs
