// Package zkdata moves data between the directories of Apache ZooKeeper and those
// of Zabra while no server runs on either: Import reads the one and writes the
// other, Export goes back. Neither changes what it reads.
//
// # ZooKeeper's directories
//
// Numbers are big endian; zxids in names are lower-case hex.
//
//	dataDir/myid
//	dataDir/version-2/snapshot.<zxid>[.gz|.snappy]   the tree when writing began
//	dataDir/version-2/acceptedEpoch, currentEpoch    of a member of an ensemble, decimal
//	dataLogDir/version-2/log.<zxid>                  from the transaction of that zxid on
//
// A snapshot is that of datatree.ReadSnapshot. The server goes on while it writes one,
// so a snapshot may hold effects of transactions behind the one in its name. Two zxids
// that newer versions put at its end say how far that goes. Compressed, it is gzip,
// or Snappy in the framing of the xerial library:
//
//	 0  8  82 'S' 'N' 'A' 'P' 'P' 'Y' 00
//	 8  4  version, 1
//	12  4  lowest version that can read it, 1
//	then chunks: int length, and a Snappy block of that length
//
// A log file is
//
//	 0  4  'ZKLG'
//	 4  4  version, 2
//	 8  8  number of the database, 0
//	then records:
//	    8  Adler-32 of the payload
//	    4  length of the payload
//	       payload: TxnHeader, record, perhaps TxnDigest (see wire.DecodeTxn)
//	    1  'B'
//	then zeros
//
// Files grow by 64 MiB of zeros at a time. None is opened for writing twice: each start,
// and each snapshot, is followed by a new file.
//
// # The end of a log file
//
// Nothing in a log file says how much of it was durable, so a record that was being
// written when the machine stopped (a torn tail) is told from damage by what is there:
//
//   - nothing but zeros: the file ends;
//   - a whole record whose checksum is wrong, or right although the length or the end
//     mark is not: damage;
//   - an intact record of a later transaction anywhere behind: damage. So it is with
//     more bytes than a server has under way at once;
//   - otherwise a torn tail. It was never acknowledged.
//
// What cannot be told from a torn tail: that the last record of a log, or all of it
// from some point on, has been replaced by zeros or cut off.
//
// The next file must go on where the one before ended. In Zabra's terms each
// transaction follows the one before (wire.Zxid.Follows); where it does not, some are
// missing. That is no harm up to the snapshot, and damage behind it. What cannot be
// seen is that the end of an epoch is missing: the next one begins at 1 again.
//
// # Import
//
// The newest snapshot that can be read is loaded, and the log behind it applied. If
// a newer one cannot be read, the log must be whole from the older one on. Every
// digest is compared with that of the tree; the last one counts, because a digest
// covers the whole tree (not the ACLs).
//
// The data of a server that stands alone becomes a checkpoint at the last transaction.
// That of a member of an ensemble, which has epoch files, becomes a checkpoint as early
// as the snapshot allows and a log behind it: whether the last transactions were
// committed is for the ensemble to say. The log also gets up to 100,000 transactions
// before the checkpoint, so that other members can be brought up to date from it.
// The epochs are promises and stay what they are.
//
// Everything is built in a folder zabra-importing (datadir.Layout.ImportDir), on whose
// presence a server refuses to start, and moved from there: checkpoint, epochs, log.
// The folder is removed last.
//
// # Export
//
// Zabra's checkpoint becomes a snapshot, and its log becomes log files, the transactions
// before the checkpoint included. ZooKeeper applies what is behind the snapshot when it
// starts, as it does with its own log; as a member it votes with the last of them, and
// cuts off what the others do not have. To cut, it looks for the record of the zxid
// that it shall keep, so there must be one with the zxid of the snapshot: if Zabra's log
// begins right behind the checkpoint, an error transaction, which is never applied,
// stands for it.
//
// Everything is built in a folder version-2.exporting and then renamed.
package zkdata
