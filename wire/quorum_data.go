package wire

import (
	"fmt"
	"slices"
)

// LearnerInfo is the data of FOLLOWERINFO and OBSERVERINFO.
type LearnerInfo struct {
	SID           SID
	Protocol      int32 // ProtocolVersion
	ConfigVersion int64 // of the configuration that the learner has activated
}

// AppendTo appends the record's encoding.
func (i *LearnerInfo) AppendTo(b []byte) []byte {
	return AppendLong(AppendInt(AppendLong(b, int64(i.SID)), i.Protocol), i.ConfigVersion)
}

// DecodeFrom reads the record. Servers of ZooKeeper 3.4 end it before
// ConfigVersion, which then is 0.
func (i *LearnerInfo) DecodeFrom(d *Decoder) {
	i.SID, i.Protocol, i.ConfigVersion = SID(d.Long()), d.Int(), 0
	if len(d.Rest()) > 0 {
		i.ConfigVersion = d.Long()
	}
}

// AppendPacketInt appends the data of LEADERINFO (ProtocolVersion) or of ACKEPOCH
// (currentEpoch).
func AppendPacketInt(b []byte, v int32) []byte { return AppendInt(b, v) }

// A Touch says that a learner has heard from a session.
type Touch struct {
	Session SessionID
	Timeout int32 // milliseconds
}

const touchSize = 12

// AppendTouches appends the data of a learner's PING: the touches one after the
// other, without a count. The result is never nil, as a null would end the
// connection to a Java leader.
func AppendTouches(b []byte, v []Touch) []byte {
	if b == nil {
		b = make([]byte, 0, touchSize*len(v))
	}
	for _, t := range v {
		b = AppendInt(AppendLong(b, int64(t.Session)), t.Timeout)
	}
	return b
}

// DecodeTouches reads the data of a learner's PING; null, or an incomplete last
// touch, is an error.
func DecodeTouches(data []byte) ([]Touch, error) {
	if data == nil || len(data)%touchSize != 0 {
		return nil, fmt.Errorf("PING: touches of %d bytes: %w", len(data), ErrTruncated)
	}
	v := make([]Touch, len(data)/touchSize)
	d := NewDecoder(data)
	for i := range v {
		v[i] = Touch{SessionID(d.Long()), d.Int()}
	}
	return v, nil
}

// A Revalidation is the data of a learner's REVALIDATE: a client wants to go on
// with a session. It is laid out as a Touch.
type Revalidation = Touch

// AppendRevalidation appends the data of a learner's REVALIDATE.
func AppendRevalidation(b []byte, r Revalidation) []byte {
	return AppendInt(AppendLong(b, int64(r.Session)), r.Timeout)
}

// DecodeRevalidation reads the data of a learner's REVALIDATE.
func DecodeRevalidation(data []byte) (Revalidation, error) {
	d := NewDecoder(data)
	r := Revalidation{SessionID(d.Long()), d.Int()}
	return r, d.Err()
}

// Revalidated is the data of a leader's REVALIDATE.
type Revalidated struct {
	Session SessionID
	Valid   bool // the session lives, and now speaks through that learner
}

// AppendTo appends the record's encoding.
func (r *Revalidated) AppendTo(b []byte) []byte {
	return AppendBool(AppendLong(b, int64(r.Session)), r.Valid)
}

// DecodeFrom reads the record.
func (r *Revalidated) DecodeFrom(d *Decoder) { r.Session, r.Valid = SessionID(d.Long()), d.Bool() }

// A ForwardedRequest is the data of REQUEST: a client's write, sync or session
// request that a learner passes on.
type ForwardedRequest struct {
	Session SessionID
	Cxid    Xid
	Op      OpCode
	Body    []byte // the client's request record unchanged; for createSession the timeout as an int
}

// AppendTo appends the record's encoding.
func (r *ForwardedRequest) AppendTo(b []byte) []byte {
	b = slices.Grow(b, 8+4+4+len(r.Body))
	b = AppendInt(AppendInt(AppendLong(b, int64(r.Session)), int32(r.Cxid)), int32(r.Op))
	return append(b, r.Body...)
}

// DecodeFrom reads the record. Body is the rest of the input and aliases it.
func (r *ForwardedRequest) DecodeFrom(d *Decoder) {
	r.Session, r.Cxid, r.Op = SessionID(d.Long()), Xid(d.Int()), OpCode(d.Int())
	r.Body = d.Rest()
}

// An Activation is the data of COMMITANDACTIVATE and INFORMANDACTIVATE: who shall
// lead under the new configuration. In INFORMANDACTIVATE the transaction follows.
type Activation struct {
	Leader SID
	Raw    []byte // Txn.Raw, empty in COMMITANDACTIVATE
}

// AppendTo appends the record's encoding.
func (a *Activation) AppendTo(b []byte) []byte {
	return append(AppendLong(b, int64(a.Leader)), a.Raw...)
}

// DecodeFrom reads the record. Raw aliases the input.
func (a *Activation) DecodeFrom(d *Decoder) { a.Leader, a.Raw = SID(d.Long()), d.Rest() }

// DecodePacketInt reads the data of LEADERINFO or of ACKEPOCH.
func DecodePacketInt(data []byte) (int32, error) {
	d := NewDecoder(data)
	v := d.Int()
	return v, d.Err()
}
