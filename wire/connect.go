package wire

// A ConnectRequest is a client's first frame. It is not generated because its
// last field may be missing: clients of before 3.4, and go-zookeeper, do not
// send it.
type ConnectRequest struct {
	ProtocolVersion int32     // ignored
	LastZxidSeen    Zxid      // newest zxid the client saw from any server
	Timeout         int32     // session timeout asked for, milliseconds
	Session         SessionID // 0 asks for a new session
	Passwd          []byte    // of the session
	ReadOnly        bool      // a read-only server will do
	HasReadOnly     bool      // the field was there, so the response must have it
}

// AppendTo implements Record.
func (r *ConnectRequest) AppendTo(b []byte) []byte {
	b = AppendInt(b, r.ProtocolVersion)
	b = AppendLong(b, int64(r.LastZxidSeen))
	b = AppendInt(b, r.Timeout)
	b = AppendLong(b, int64(r.Session))
	b = AppendBuffer(b, r.Passwd)
	if r.HasReadOnly {
		b = AppendBool(b, r.ReadOnly)
	}
	return b
}

// DecodeFrom implements Record.
func (r *ConnectRequest) DecodeFrom(d *Decoder) {
	r.ProtocolVersion = d.Int()
	r.LastZxidSeen = Zxid(d.Long())
	r.Timeout = d.Int()
	r.Session = SessionID(d.Long())
	r.Passwd = d.Buffer()
	r.HasReadOnly = d.Err() == nil && len(d.Rest()) > 0
	r.ReadOnly = r.HasReadOnly && d.Bool()
}

// A ConnectResponse answers a ConnectRequest. A refused session is timeout 0,
// session 0 and a password of zeros.
type ConnectResponse struct {
	ProtocolVersion int32     // 0
	Timeout         int32     // negotiated, milliseconds
	Session         SessionID // the client's id
	Passwd          []byte    // always 16 bytes: the C client reads no other length
	ReadOnly        bool      // the server is read-only
	HasReadOnly     bool      // the request had the field
}

// PasswdLen is the length of a session password.
const PasswdLen = 16

// AppendTo implements Record.
func (r *ConnectResponse) AppendTo(b []byte) []byte {
	b = AppendInt(b, r.ProtocolVersion)
	b = AppendInt(b, r.Timeout)
	b = AppendLong(b, int64(r.Session))
	b = AppendBuffer(b, r.Passwd)
	if r.HasReadOnly {
		b = AppendBool(b, r.ReadOnly)
	}
	return b
}

// DecodeFrom implements Record.
func (r *ConnectResponse) DecodeFrom(d *Decoder) {
	r.ProtocolVersion = d.Int()
	r.Timeout = d.Int()
	r.Session = SessionID(d.Long())
	r.Passwd = d.Buffer()
	r.HasReadOnly = d.Err() == nil && len(d.Rest()) > 0
	r.ReadOnly = r.HasReadOnly && d.Bool()
}
