// Package zoocfg reads the configuration of a server: a ZooKeeper zoo.cfg as it
// is, environment variables and command line flags, merged over defaults.
//
// # One table
//
// Every key is one row of one table (keytable.go): its spellings, the form and
// bounds of its value, its default, what it does here, and the field of Config
// that it sets. File parsing, flags, environment variables, defaults and the
// tables of docs/configuration.md all derive from the rows; a test compares the
// document. To add a key, add a row and a field.
//
// # Sources
//
// Weakest first: defaults, the file, the environment, flags. Within the file the
// last of equal keys wins, as in Java; when a key has two spellings and a source
// has both, the one that ZooKeeper's code reads wins over the one in its guide.
// A key may carry the prefix "zookeeper." that it has as a JVM property.
//
// A flag is the key itself: --clientPort 2181. A variable is ZABRA_ and the key
// in upper snake case, derived by EnvName: ZABRA_CLIENT_PORT. Families such as
// server.N are ZABRA_SERVER_1 and --set server.1=...
//
// Without a file the defaults are those of a standalone server on loopback: data
// in ./data, clients on 127.0.0.1:2181, the admin server on 127.0.0.1:8080, a
// tick of 2 s as in ZooKeeper's sample file. With a file they are ZooKeeper's.
//
// # The file
//
// Java properties syntax; see package internal/properties.
//
// ZooKeeper parses about sixty keys by name and turns every other key k into the
// JVM property zookeeper.k, so nothing is ever unknown to it, and a slip in a
// key is silence. Here a key that nobody knows is one warning with the nearest
// known key, and so is a key that changes nothing in Zabra. A malformed value is
// an error that names file, line, key, value and what would be right; all of
// them are reported at once.
//
// A dynamicConfigFile and dataDir/myid are read along, and with the former the
// membership that was proposed last, in zoo.cfg.dynamic.next. What a server writes
// there when its ensemble is reconfigured has ZooKeeper's names and forms, so that
// either can start from the files of the other:
//
//	zoo.cfg                   without the membership, and with dynamicConfigFile
//	zoo.cfg.bak               as it was at the last start with the membership in it
//	zoo.cfg.dynamic.VERSION   the membership that is in force; VERSION is hexadecimal
//	zoo.cfg.dynamic.next      what is proposed, with its version in it
//
// This package makes the texts (Rewritten, DynamicText); it writes nothing.
//
// Source of the facts: sections 8, 9.2, 9.3, 10 and 11 of the reference of
// ZooKeeper's client protocol, and QuorumPeerConfig of ZooKeeper 3.9.5.
package zoocfg
