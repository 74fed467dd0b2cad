package peer

import (
	"context"
	"fmt"
	"time"
)

// DialConfig is how a learner connects to its leader.
type DialConfig struct {
	Transport Transport
	Conn      ConnOptions
	// Tries is how often it tries, 0 is 5; Pause lies between, 0 is 100 ms. A
	// leader may be elected before it listens.
	Tries int
	Pause time.Duration
}

// Dial connects to a leader's quorum port, at any of its addresses (host:port). It
// gives up after the last try, or when ctx is done.
func Dial(ctx context.Context, c DialConfig, addrs ...string) (*Conn, error) {
	if c.Tries == 0 {
		c.Tries = 5
	}
	for n := 1; ; n++ {
		nc, err := c.Transport.dialAny(ctx, addrs)
		if err == nil {
			return newConn(nc, c.Conn), nil
		}
		if n >= c.Tries || ctx.Err() != nil {
			return nil, fmt.Errorf("peer: leader, try %d of %d: %w", n, c.Tries, err)
		}
		select {
		case <-time.After(orDefault(c.Pause, 100*time.Millisecond)):
		case <-ctx.Done():
		}
	}
}
