// Package dev runs a whole ensemble on one machine, on loopback, for trying things
// out.
//
// Each server is a child process: the same binary, started as "zabra server" with a
// zoo.cfg of its own. So a server can be killed like a real one, by its pid, and what
// follows is what follows in production. A server that ends is started again after a
// pause, unless that is switched off; one that ends by itself as soon as it is started
// ends them all, because something is wrong that a restart does not mend.
//
// # Ports
//
// Clients are served on the first free ports from Options.Port on, in the order of the
// ids. The quorum, election and admin ports are looked for in the same way, as far from
// Options.Port as 2888, 3888 and 8080 are from 2181.
//
// # Files
//
//	DIR/ensemble   how many servers and observers the data is of, as JSON
//	DIR/lock       held while they run
//	DIR/N/zoo.cfg  written anew at each start, since the ports may be others
//	DIR/N/myid     N
//	DIR/N/...      the data of server N, kept between starts
//
// The servers run with DIR as their working directory. Data of three servers is not
// started as five: the two would be empty, and could outvote those that are not.
//
// # Output
//
// Options.Out gets the table when all servers serve, and a line for each server that
// ends, starts or changes its role, or all of that as JSON, an object a line. The
// servers' logs go to Options.Log, each line behind the number of its server.
package dev
