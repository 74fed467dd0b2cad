// Package datadir says where in its data directories a server keeps what. The
// names are not ZooKeeper's version-2: the formats are not either, and the two
// must not be mistaken for each other.
package datadir
