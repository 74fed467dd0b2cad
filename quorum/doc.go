// Package quorum knows who belongs to an ensemble, who of them decides, and how
// that may change. It is pure: it resolves no name and dials nobody.
//
// # The text of a configuration
//
// One text, in the syntax of Java properties, is the data of /zookeeper/config,
// the configuration in a notification of the election port (the sender's
// committed one), the data of NEWLEADER (the last one proposed) and the content
// of a dynamic configuration file:
//
//	server.<sid>=<host>:<quorumPort>:<electionPort>[|...]:<role>[;<clientHost>:<clientPort>]
//	group.<g>=<sid>:<sid>...
//	weight.<sid>=<w>
//	version=<hexadecimal>
//
// An IPv6 address stands in brackets. The role is participant (a voter; also
// where none is written) or observer. Reading takes any order, blanks and
// comments; any other key makes the text invalid. Writing puts the lines of each
// kind in the order of their ids, where ZooKeeper has that of a hash table, and
// ends with the version and no line end. A text that was read once is written
// the same way ever after.
//
// Hosts are opaque, and bounded to the characters of names and addresses: a text
// is read from strangers and written again, and must not grow lines on the way.
//
// The version is the zxid of the transaction that made the configuration, 0 for
// the one an ensemble starts with; it stays 0 where reconfiguration is off.
//
// # Quorums
//
// Without groups, more than half of the voters. With groups, in more than half of
// the groups that have weight, more than half of the weight; every voter is in
// exactly one group, a weight that is not written is 1, and a server of weight 0
// never leads. Observers never count, whoever asks (Config.HasQuorum asks about
// voters only).
//
// While a reconfiguration is under way two configurations are in force, the
// committed one and the one last proposed, and a decision that must hold needs a
// quorum of each: see Active.
//
// # Reconfiguration
//
// A request either lists the complete new membership, or who joins (server lines,
// which also replace) and who leaves (ids). Active.Reconfigure checks it and
// returns the new configuration, whose text then becomes a transaction.
//
// Source of the facts: sections 7 and 1.4 of the reference of ZooKeeper's quorum
// protocol, and QuorumPeer, QuorumMaj, QuorumHierarchical and
// PrepRequestProcessor of ZooKeeper 3.9.5.
package quorum
