package sim

import (
	"crypto/sha1"
	"encoding/base64"
	"strings"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// Frames of the client protocol, as a client makes and reads them.

func requestFrame(xid wire.Xid, op wire.OpCode, body []byte) []byte {
	b, mark := wire.BeginFrame(nil)
	h := wire.RequestHeader{Xid: xid, Op: op}
	return wire.EndFrame(append(h.AppendTo(b), body...), mark)
}

func connectFrame(r *wire.ConnectRequest) []byte {
	b, mark := wire.BeginFrame(nil)
	return wire.EndFrame(r.AppendTo(b), mark)
}

// frames calls f for every whole frame of in, until it returns false, and returns the
// rest. What f gets is nobody else's.
func frames(in []byte, f func(frame []byte) bool) (rest []byte, err error) {
	for {
		frame, after, _, err := pipeline.NextFrame(in, wire.DefaultMaxFrame)
		if err != nil || frame == nil {
			return in, err
		}
		in = after
		if !f(append([]byte(nil), frame...)) {
			return in, nil
		}
	}
}

// readAnswer reads what stands behind the header of an answer.
func readAnswer(o *history.Op, d *wire.Decoder) {
	switch o.Op {
	case wire.OpGetData, wire.OpReconfig:
		var r wire.GetDataResponse
		r.DecodeFrom(d)
		o.Value, o.Stat = r.Data, r.Stat
	case wire.OpGetChildren2:
		var r wire.Children2Response
		r.DecodeFrom(d)
		o.Names, o.Stat = r.Names, r.Stat
	case wire.OpExists, wire.OpSetData:
		var r wire.StatResponse
		r.DecodeFrom(d)
		o.Stat = r.Stat
	case wire.OpCreateContainer, wire.OpCreateTTL:
		var r wire.PathStatResponse
		r.DecodeFrom(d)
		o.Created, o.Stat = r.Path, r.Stat
	case wire.OpCreate:
		var r wire.PathResponse
		r.DecodeFrom(d)
		o.Created = r.Path
	case wire.OpMulti:
		o.Err = multiCode(d)
	}
}

// multiCode is the first error of a multi, as a client library reports it.
func multiCode(d *wire.Decoder) wire.Code {
	for d.Err() == nil {
		var h wire.MultiHeader
		if h.DecodeFrom(d); h.Done || h.Op != wire.OpError {
			return wire.OK // all succeeded, or none
		}
		if code := wire.Code(d.Int()); code != wire.OK && code != wire.RuntimeInconsistency {
			return code
		}
	}
	return wire.OK
}

// superUser is who may do everything, by name and password.
const superUser = "super:zabra"

var superDigest = digest(superUser)

// digest is the id under which the scheme of that name knows somebody.
func digest(credentials string) string {
	user, _, _ := strings.Cut(credentials, ":")
	h := sha1.Sum([]byte(credentials))
	return user + ":" + base64.StdEncoding.EncodeToString(h[:])
}
