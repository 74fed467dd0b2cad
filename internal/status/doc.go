// Package status asks the servers of an ensemble how they are, all at once, and judges
// what they say.
//
// # Who is asked
//
// The addresses that are given, and the other members of their ensemble. A session at a
// given address reads /zookeeper/config, and the first byte of its id tells which of the
// members the address is of. A member's line in the configuration may lack the address
// of its clients, as it does where zoo.cfg has a clientPort; then it is taken to have
// the port of the address that was given.
//
// # What they are asked
//
// The four-letter words srvr, which every server answers unless it was forbidden, and
// mntr; and where one of them is not in the whitelist, the admin server at the same
// host. They are asked at the same time, each within Options.Timeout: a server that does
// not answer is a row, and delays nobody.
//
// # Lag
//
// A server is behind by the transactions that lie between the last one it has applied
// and that of the leader. Both are read at slightly different moments, so who seems to
// be behind is asked again until it has what the leader had: that is its lag in time,
// an upper bound. Who needs longer than Options.MaxLag is behind in earnest.
//
// An epoch begins with a zxid that no transaction has. A server that serves in it has
// everything of the epochs before, whatever the epoch of its last transaction is.
package status
