// Package freeport finds loopback ports for servers that tests start, where a server
// must be told its port before it can listen.
//
// The ports lie below those that the kernel hands out by itself, to listeners on port
// 0 and to outgoing connections: nothing that happens between finding a port and
// listening on it can take it. Processes that look for ports in this way take blocks of
// them, so that none gets a port that another one has while its server is stopped.
package freeport
