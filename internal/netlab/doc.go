// Package netlab makes a small network on one machine, for tests that run real
// processes and want to break what is between them. It needs Linux, and the right to
// make namespaces: root, or a shell of "unshare -rmn".
//
// A Host is a network namespace and a mount namespace of its own, with one address. A
// host's processes see nothing but their host: other hosts can use the same ports, and
// a disk that one mounts is there for it alone.
//
// The Lab is the switch. Every host has a TUN device, whose other end is in this
// process: an IP packet that a host sends arrives here, and is written to the device of
// the host it is for. On the way it can be lost, delayed or dropped by rule, for each
// ordered pair of hosts (Shape). So all faults are faults of packets, under the TCP of
// the kernel's, which repeats, backs off and gives up as it does between machines; and
// they are the same on a kernel that has no netem, no netfilter and no bridge.
//
//	lab.Shape(a, b, netlab.Quality{Loss: 1})   // b hears nothing of a; a still hears b
//	lab.Shape(a, b, netlab.Quality{Loss: 0.1, Delay: 50 * time.Millisecond})
//	lab.Heal()
//
// The namespaces have no names and no files. They belong to threads of this process,
// and go when it goes, however that happens; so do the devices, the disks mounted in
// them, and, by the parent-death signal, the processes. There is nothing to clean up
// after a test that was killed.
package netlab
