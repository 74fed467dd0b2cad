// Package raw is a ZooKeeper client with nothing in it: frames, records and one
// call per frame. It can send what no client library would, and it shows what
// came back byte for byte.
//
// It shares no code with package wire on purpose. It was written from the
// protocol's description by itself, so that a mistake in the server's codec is
// not also made by its judge.
package raw
