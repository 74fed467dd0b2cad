// Package wire holds every record that crosses a socket or lands in the log,
// and the jute codec they are written in. The formats are ZooKeeper's, byte
// for byte; a client could be written from this page and opcodes.go.
//
// # Encoding
//
// Everything is big endian. A boolean is one byte; a buffer or string is an int
// length and its bytes; a vector is an int count and its elements; length or
// count -1 is null, which is not the same as empty. A record is its fields in
// order. Bytes after the last field are ignored.
//
// # Frames
//
// Both directions carry frames: an int length and that many bytes. A length
// that is negative or above the limit (1,048,575 by default) ends the
// connection.
//
//	client: ConnectRequest                 server: ConnectResponse        once, first
//	client: RequestHeader{xid, op} record  server: ReplyHeader{xid, zxid, err} record
//	                                       server: ReplyHeader{-1, zxid, 0} WatcherEvent
//
// A reply whose err is not 0 has no record after the header; multi and
// multiRead report failures inside the record. Replies come in the order of
// the requests. opcodes.go lists the operations with their records.
//
//	ConnectRequest    int protocolVersion · long lastZxidSeen · int timeOut ·
//	                  long sessionId · buffer passwd · [bool readOnly]
//	ConnectResponse   int protocolVersion · int timeOut · long sessionId ·
//	                  buffer passwd (16 bytes) · [bool readOnly]
//
// The last field is in the response exactly when it was in the request.
//
// # Multi
//
// The body of multi and multiRead is, for each operation, MultiHeader{op,
// false, -1} and its request record, then MultiHeader{-1, true, -1}. See
// MultiOp and Result.
//
// # Transactions
//
// TxnHeader, the record for its type, and optionally a TxnDigest. Values are
// results (versions, sequential names, expanded ACLs): applying one needs no
// decision. The same bytes go to the log, to learners and to clients of the
// snapshot stream. See DecodeTxn for the older forms that are accepted.
//
// # Quorum port
//
// Leader and learner exchange QuorumPackets, one after the other, without frames.
// quorum.go lists the types with their data; quorum_data.go holds the records in
// that data. After a SNAP packet comes a snapshot and SnapSignature as a string,
// and then packets again.
package wire

//go:generate go run ./internal/gen
