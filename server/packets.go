package server

import (
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/server/zoocfg"
)

// packetHead is how much more than a transaction the data of a packet may have.
const packetHead = 4096

// packetLimits are the limits of connections between servers. A learner has to take what the
// clients of its leader were allowed to write, also if the limits have been lowered since
// to what ZooKeeper's servers have by default: one transaction that it does not take would
// keep it away for ever.
func packetLimits(l *zoocfg.Limits) peer.ConnOptions {
	return peer.ConnOptions{MaxData: max(peer.DefaultMaxData, maxTxn(l)) + packetHead}
}

// observerBacklog is how many bytes may wait for an observer of a follower before it is
// dropped: what is configured, but the longest transaction with a few packets in any case,
// which would otherwise keep the observer away for as long as there are such ones.
func observerBacklog(c *zoocfg.Config) int64 {
	return max(int64(c.Ensemble.ObserverMasterSizeLimit), int64(packetLimits(&c.Limits).MaxData)+64<<10)
}

// maxBacklog is how many bytes may wait for a learner before it is given up: a few of the
// longest transactions in any case.
func maxBacklog(l *zoocfg.Limits) int64 {
	const least = 64 << 20
	return max(least, 4*int64(packetLimits(l).MaxData))
}
