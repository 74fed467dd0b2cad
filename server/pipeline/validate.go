package pipeline

import (
	"strings"

	"github.com/zabra/zabra/wire"
)

// DecodeRequest reads and validates the body of a request, completely: what
// passes can be prepared, logged and forwarded without anybody downstream
// meeting a malformed record.
//
// The code is OK; MarshallingError for a body that ends early or holds what its
// operation cannot (the connection stays usable, except for class ClassAuth);
// BadArguments for an exists with a NUL in its path; or Unimplemented for an
// operation that clients may not send, after which the connection is closed.
// Of the request only Op, Body and Multi are set. It aliases body.
func DecodeRequest(op wire.OpCode, body []byte) (*Request, wire.Code) {
	info := Info(op)
	switch {
	case info.Class == ClassRefused:
		return nil, wire.Unimplemented
	case op == wire.OpMulti, op == wire.OpMultiRead:
		return decodeMulti(op, body)
	case info.body == nil:
		return &Request{Op: op}, wire.OK
	}
	req, d := info.body()
	d.Reset(body)
	req.Body.DecodeFrom(d)
	if d.Err() != nil {
		return nil, wire.MarshallingError
	}
	if info.check != nil {
		if code := info.check(req.Body); code != wire.OK {
			return nil, code
		}
	}
	req.Op = op
	return req, wire.OK
}

// DecodeRead is Decode for the operations whose record is a path and a watch
// flag. It fills rec, so that the reads a server mostly serves decode without
// an allocation.
func DecodeRead(op wire.OpCode, body []byte, rec *wire.PathWatchRequest) wire.Code {
	d := wire.NewDecoder(body)
	rec.DecodeFrom(&d)
	switch {
	case d.Err() != nil, rec.Path == wire.NullString:
		return wire.MarshallingError
	case op == wire.OpExists && strings.IndexByte(rec.Path, 0) >= 0:
		return wire.BadArguments
	}
	return wire.OK
}

func decodeMulti(op wire.OpCode, body []byte) (*Request, wire.Code) {
	d := wire.NewDecoder(body)
	ops, err := wire.DecodeMulti(&d, op == wire.OpMultiRead)
	if err != nil {
		return nil, wire.MarshallingError
	}
	for i := range ops {
		if !checkMultiOp(&ops[i]) {
			return nil, wire.MarshallingError
		}
	}
	return &Request{Op: op, Multi: ops}, wire.OK
}

// checkMultiOp reports whether op may stand in a multi. Inside a multi the
// flags of a create choose its type (at top level the type chooses): a create
// with the flags of a container becomes a createContainer, and flags of a TTL
// node, which need a TTL that the record lacks, spoil the whole multi.
func checkMultiOp(op *wire.MultiOp) bool {
	switch r := op.Body.(type) {
	case *wire.PathWatchRequest:
		return r.Path != wire.NullString
	case *wire.CreateRequest:
		mode := wire.CreateMode(r.Flags)
		if !mode.Valid() || mode.TTL() || r.ACL == nil {
			return false
		}
		if mode == wire.ModeContainer {
			op.Op = wire.OpCreateContainer
		}
	}
	return true
}

func checkExists(r wire.Record) wire.Code {
	path := r.(*wire.PathWatchRequest).Path
	if path != wire.NullString && strings.IndexByte(path, 0) >= 0 {
		return wire.BadArguments
	}
	return checkPathWatch(r)
}

func checkPathWatch(r wire.Record) wire.Code {
	return okUnless(r.(*wire.PathWatchRequest).Path == wire.NullString)
}

func checkPath(r wire.Record) wire.Code {
	return okUnless(r.(*wire.PathRequest).Path == wire.NullString)
}

// Watcher types of checkWatches and removeWatches.
const (
	minWatcherType = 1
	maxWatcherType = 5
)

func checkWatchType(r wire.Record) wire.Code {
	t := r.(*wire.WatchTypeRequest).Type
	return okUnless(t < minWatcherType || t > maxWatcherType)
}

func checkAddWatch(r wire.Record) wire.Code {
	mode := r.(*wire.AddWatchRequest).Mode
	return okUnless(mode != wire.WatchPersistent && mode != wire.WatchPersistentRecursive)
}

func checkSetWatches(r wire.Record) wire.Code {
	s := r.(*wire.SetWatchesRequest)
	return okUnless(hasNull(s.Data) || hasNull(s.Exist) || hasNull(s.Child))
}

func checkSetWatches2(r wire.Record) wire.Code {
	s := r.(*wire.SetWatches2Request)
	return okUnless(hasNull(s.Data) || hasNull(s.Exist) || hasNull(s.Child) ||
		hasNull(s.Persistent) || hasNull(s.PersistentRecursive))
}

// hasNull reports whether a vector of paths is null or holds a null.
func hasNull(paths []string) bool {
	for _, p := range paths {
		if p == wire.NullString {
			return true
		}
	}
	return paths == nil
}

func okUnless(bad bool) wire.Code {
	if bad {
		return wire.MarshallingError
	}
	return wire.OK
}
