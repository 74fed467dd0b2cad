// Package datatree is the znode tree: nodes with their stats, ACLs, ephemeral
// owners, quotas and the table of sessions, and the one function that applies
// a transaction to them.
package datatree
