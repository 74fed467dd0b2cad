package pipeline

import "github.com/zabra/zabra/wire"

// A Request is one write on its way to becoming a transaction.
//
// Body and Multi come from Decode, so their shape is sound; whether they can
// be carried out is what Prepare finds out. Their strings and buffers may alias
// the frame they were read from: Prepare copies what it keeps, so the frame is
// free again when Prepare returns.
type Request struct {
	Session wire.SessionID // who asks; 0 for the server itself
	Cxid    wire.Xid       // the client's number for the request; 0 for the server's own
	Op      wire.OpCode
	Body    wire.Record    // the record Op names; nil for multi and closeSession
	Multi   []wire.MultiOp // of a multi
	Auth    []wire.ID      // identities of the connection when the request arrived
	Local   bool           // the session is known to its own server only, or may be
	Refused wire.Code      // why a local session may not make the ephemeral node it asks for; OK: nothing is known against it
	Raw     []byte         // the record as it came, to be passed on to a leader
	Large   int            // bytes, if the request counts against the bound on large ones
	Barrier bool           // a sync that no client asked for: the reads behind it wait for it
	Origin  any            // whoever waits for the answer; Prepare does not look at it

	share  *share // of the learner that passed it on, nil if it came here
	weight int64  // in that
}
