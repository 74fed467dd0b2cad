// Package floor is a server that does the least that a server of the client
// protocol can do: it answers from a map and keeps nothing. It has sessions
// that never expire, no ACLs, no quotas, no log and no order beyond a lock.
//
// It says how fast any server could be here, with these sockets and this client
// on this machine: what a real server takes beyond it is what the real work
// costs. It also stands in for a server in tests.
package floor
