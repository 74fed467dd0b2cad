package wire

import "encoding/binary"

// DefaultMaxFrame is ZooKeeper's jute.maxbuffer: the longest frame a server
// takes. It is one less than a mebibyte.
const DefaultMaxFrame = 0xfffff

// BeginFrame appends room for a frame's length. Pass the returned mark to
// EndFrame when the payload is complete.
func BeginFrame(b []byte) (frame []byte, mark int) {
	return append(b, 0, 0, 0, 0), len(b)
}

// EndFrame writes the length of the frame that BeginFrame opened at mark.
func EndFrame(b []byte, mark int) []byte {
	binary.BigEndian.PutUint32(b[mark:], uint32(len(b)-mark-4))
	return b
}

// AppendReply appends a whole reply frame; body may be nil.
func AppendReply(b []byte, h ReplyHeader, body Record) []byte {
	b, mark := BeginFrame(b)
	b = h.AppendTo(b)
	if body != nil {
		b = body.AppendTo(b)
	}
	return EndFrame(b, mark)
}

// PutReplyZxid sets the zxid of a whole reply frame.
func PutReplyZxid(frame []byte, z Zxid) { binary.BigEndian.PutUint64(frame[8:], uint64(z)) }

// AppendEvent appends a whole notification frame. zxid is that of the
// transaction, or NoZxid for an event that setWatches produces.
func AppendEvent(b []byte, typ EventType, zxid Zxid, path string) []byte {
	h := ReplyHeader{Xid: XidNotification, Zxid: zxid}
	ev := WatcherEvent{Type: typ, State: StateSyncConnected, Path: path}
	// Not by AppendReply: behind an interface the event would go to the heap.
	b, mark := BeginFrame(b)
	return EndFrame(ev.AppendTo(h.AppendTo(b)), mark)
}
