// Package harness runs the servers of the interop tests: Apache ZooKeeper from
// the installed jars, Zabra from its built binary, both with the same zoo.cfg on
// a free loopback port; alone, or as an ensemble of both kinds in any mix.
//
// A server belongs to the test that started it: it is killed, by its process id,
// when the test ends, however it ends; and by the kernel when the test process
// itself dies.
package harness
