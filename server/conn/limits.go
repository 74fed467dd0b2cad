package conn

import (
	"net/netip"
	"sync"
)

// limits counts connections, in all and by peer address.
type limits struct {
	perAddr, total int // 0 is no limit

	mu     sync.Mutex
	byAddr map[netip.Addr]int
	n      int
}

func newLimits(perAddr, total int) *limits {
	return &limits{perAddr: perAddr, total: total, byAddr: map[netip.Addr]int{}}
}

// add counts a connection and reports false if there are too many.
func (l *limits) add(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total > 0 && l.n >= l.total || l.perAddr > 0 && l.byAddr[a] >= l.perAddr {
		return false
	}
	l.n++
	l.byAddr[a]++
	return true
}

func (l *limits) remove(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n--
	if l.byAddr[a]--; l.byAddr[a] == 0 {
		delete(l.byAddr, a)
	}
}

// count is the number of connections.
func (l *limits) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}
