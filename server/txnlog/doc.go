// Package txnlog keeps the transactions of a server on disk, in order, and says
// which of them are durable. It treats a transaction as opaque bytes with a
// zxid; Zabra puts ZooKeeper's own encoding there (TxnHeader and record, see
// package wire).
//
// One goroutine at a time owns a Log and calls Append, Sync, Settle, Truncate, Reset and
// Close. Purge, Read, Floor, Last, Base and Err may be called from any goroutine;
// they do not wait for the disk of the owner.
//
// # Files
//
// A log directory holds segments named log.<zxid of the first record, lower-case
// hex>, log.lock (the lock of the owner) and sometimes log.prealloc (the next
// segment while it is being filled with zeros). A segment never changes its
// size: it is filled with zeros and synced before it gets its name, so that a
// sync of records writes data and no file system metadata (on ext4 it takes 0.6
// of the time that it takes in space that is only reserved; see
// BenchmarkPreparedFile), no write of a record can meet a full disk, and a file
// that is shorter than its header says was damaged by somebody.
//
// All integers are big endian. Checksums are CRC32C (Castagnoli).
//
//	page 0, the header                      page 1, the settled mark
//	 0   8  magic "ZABRALOG"                 0  32  a mark frame or zeros
//	 8   4  version, 1                      32      zeros
//	12   4  flags: 1 = start
//	16   8  salt, random                    from byte 8192 on: frames
//	24   8  size of the file
//	32   8  sequence number of the segment
//	40   8  zxid before the first record
//	48   8  records before, since the start
//	56   4  checksum of the record before
//	60      zeros
//	4092 4  CRC32C of bytes 0 to 4091
//
// A frame is a header of 32 bytes and, in a record, the payload. It begins at a
// multiple of 8 bytes, moved up to the next multiple of 512 where the header
// would cross one: so a header lies within one sector and a crash leaves all of
// it or nothing.
//
//	 0  4  CRC32C of bytes 4 to 31, started from (high half of salt) xor (offset of the frame)
//	 4  1  kind: 1 record, 2 mark, 3 cut, 4 end
//	 5  3  zeros
//	 8  4  length of the payload; 0 unless a record
//	12  4  CRC32C of the payload, started from (low half of salt)
//	16  8  zxid of the record; elsewhere that of the record before
//	24  4  bytes 0 to 3 of the record before (for the first of a segment: header byte 56)
//	28  4  synced: how many bytes of this segment were known to be durable when
//	       the frame was written
//	32     payload, padded with zeros
//
// Bytes 24 to 27 chain every record to its predecessor, across segments too.
// The salt keeps a client from putting bytes into its data that recovery would
// take for a frame; the offset in the checksum keeps a frame from being taken
// for another one.
//
// A segment with the start flag begins a history: what segments with a lower
// sequence number hold is void (a crash interrupted Reset, and Open removes
// them). Without it the segment continues the one numbered one less; sequence
// numbers without a gap, the zxid before and the checksum before show that
// nothing is missing in between.
//
// # Writing
//
// Append writes one batch of records behind the last, with one write; the write
// goes on with zeros to the end of the page, so that the kernel never has to
// read a page in order to change a part of it. Sync is one fdatasync, and then
// one 32-byte write, not synced, of a mark where the next record will be. Settle
// makes the mark durable, and a copy of it in page 1; the owner calls it when
// the log has been idle for a moment.
//
// When a batch does not fit, the segment is synced; the next one gets its header,
// is synced, renamed to its name, and the directory synced; then an end frame is
// written behind the last record of the old one and synced. So only the newest
// segment can be torn, a segment with a name has a whole header, and an end
// frame shows when the newest segment has been lost.
//
// Truncate syncs; removes newer segments, newest first (before each removal a mark
// replaces the end frame before it, and is synced); writes a cut frame where the
// log shall end, and syncs; fills the rest with zeros, writes the mark in page 1,
// and syncs; replaces the cut by a mark, and syncs. A crash in between leaves a
// longer prefix of the same history, or the cut, and Open goes on from there.
//
// Reset makes a segment with the start flag in the same way as a roll, and then
// removes all others.
//
// # What recovery can prove
//
// Package vfs says what a crash may do: of what was written since the last Sync
// it leaves any subset of sectors; it harms nothing else. Let S be the size of
// the synced part at the crash. Every unsynced write begins at S or behind it
// (but for the mark in page 1, which has a sector to itself), and every frame in
// it says synced <= S. Open follows the frames of the newest
// segment from its beginning. Let it stop at D, because there are zeros, a mark,
// or something that is not the next frame.
//
//   - If the crash is all that happened, D >= S. So no frame anywhere says
//     synced > D.
//   - If any intact frame behind D, or the copy in page 1, says synced > D, then
//     the bytes at D were durable and are now gone: that is damage, not a crash.
//     Open returns a *CorruptError and changes nothing.
//   - Otherwise what is at and behind D was never known to be durable, and is
//     cut; Recovery.Torn says so.
//
// Frames are searched at every possible offset, so one damaged length hides
// nothing. A cut frame ends the segment: what is behind it counts for nothing.
// In a segment that has a successor, everything up to the zxid in the successor's
// header was durable, so any damage there is a *CorruptError. Segments before the
// newest are checked when they are read, not by Open; Verify checks all.
//
// Open then syncs what it found (a process that died may have left records, or a
// cut, in the page cache only), fills the rest of the segment with zeros, writes
// the mark in page 1, syncs, writes the mark at the end, and syncs: what it
// returns is durable, and provably so.
//
// # What cannot be proved
//
// The last batch that Sync made durable is protected by the marks written after
// it; every batch before it also by the batches behind it. A mark survives the
// death of the process, and after Settle, Close or Open that of the machine. The
// mark at the end shares a page with the last records; its copy in page 1 does
// not, so that after Settle, Close or Open the loss of that page is noticed, too.
// What is left:
//
//   - Power fails before Settle, and the device then returns the very last batch
//     damaged. That looks like a batch that was never synced, and is cut; Torn
//     reports it. Nothing written before the sync returned could tell the two
//     apart, and waiting for a second sync would double the latency of a write.
//   - The process dies before Settle, and then a whole sector or page with the
//     last records and their mark is lost, not only changed in some bits.
//   - A device that loses whole writes after it reported them synced, and returns
//     the older content, or a newest segment that disappears together with the
//     end frame before it. The log alone cannot know; the checkpoint's zxid and
//     the other servers do.
package txnlog
