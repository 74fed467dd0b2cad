package session

import (
	"github.com/zabra/zabra/wire"
)

// StandaloneServer is the server byte of a standalone server's session ids.
const StandaloneServer wire.SID = 1

// counterMask covers what is below the server byte of a session id.
const counterMask = 1<<56 - 1

// ServerOf is the server byte of a session id.
func ServerOf(id wire.SessionID) byte { return byte(uint64(id) >> 56) }

// IDs hands out session ids. The zero value is not useful; see NewIDs.
type IDs struct {
	next wire.SessionID
}

// NewIDs returns a generator for the server, seeded with wall clock milliseconds
// since 1970: ids do not repeat across restarts as long as the clock has not
// gone back and fewer than 65536 sessions were opened per millisecond of uptime.
// Only the low byte of server counts.
func NewIDs(server wire.SID, wallMillis int64) IDs {
	low := uint64(wallMillis) << 24 >> 8
	return IDs{next: wire.SessionID(uint64(server)<<56 | low)}
}

// Next returns the next id: never 0, which means no session, and never
// 0x8000000000000000, which marks a container.
func (g *IDs) Next() wire.SessionID {
	if uint64(g.next) == 0 || int64(g.next) == wire.ContainerOwner {
		g.next++
	}
	id := g.next
	server := uint64(id) &^ counterMask
	g.next = wire.SessionID(server | (uint64(id)+1)&counterMask)
	return id
}
