// Package bufconn connects two ends within this process: a net.Listener whose
// connections are memory. They behave as connections of TCP do: writes are buffered, and
// wait when the reader lags; what was written before a close can still be read; a side
// can say that it has written all; deadlines may be set at any time.
package bufconn
