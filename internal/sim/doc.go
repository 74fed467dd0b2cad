// Package sim runs whole clusters in one goroutine, on virtual time, from a seed:
// servers, their disks, the network between them, and clients.
package sim
