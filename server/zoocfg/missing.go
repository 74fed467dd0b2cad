package zoocfg

// A lack is something that ZooKeeper's ensembles do and Zabra's do not yet.
type lack struct{ key, instead string }

// lacks are the keys whose value an ensemble does not look at yet. Each that is
// written, and not as the default, is a warning.
var lacks = []lack{
	{"observer.syncEnabled", "observers keep a log and checkpoints"},
	{"leaderServes", "the leader serves clients"},
	{"commitLogCount", "what a server missed is sent from the log"},
	{"snapshotSizeFactor", "what a server missed is sent from the log while that holds it"},
	{"forceSnapshotSync", "a snapshot is sent when the log does not hold what a server missed"},
	{"leader.maxTimeToWaitForEpoch", "initLimit holds"},
	{"multiAddress.reachabilityCheckEnabled", "all addresses are tried"},
	{"multiAddress.reachabilityCheckTimeoutMs", "cnxTimeout holds"},
	{"tcpKeepAlive", "connections between servers are always probed"},
	{"oraclePath", "a majority decides"},
}

// adviseLacks warns of what is asked for and not there yet.
func (l *loader) adviseLacks() {
	for _, m := range lacks {
		for i := len(l.written) - 1; i >= 0; i-- {
			if w := &l.written[i]; w.id() == m.key {
				if w.value != w.key.Default {
					l.advise(m.key, "has no effect in an ensemble yet: %s", m.instead)
				}
				break
			}
		}
	}
}
