package peer

// Taken is how many bytes the peer's system has taken since the start, as far as this
// one can tell (Linux): Written, without what waits in this system's buffers, which hold
// megabytes. Elsewhere it is Written.
func (c *Conn) Taken() int64 {
	written := c.Written() // first: what is written meanwhile must not count as taken
	return max(0, written-unsent(underneath(c.nc)))
}
