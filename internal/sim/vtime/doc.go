// Package vtime runs a simulated world on virtual time: a queue of events, random
// numbers from a seed, and a trace whose hash tells two runs apart.
//
// Everything happens in one goroutine, in Kernel.Step. Events of the same moment
// run in the order in which they were scheduled, so a seed determines the whole
// run: the same seed gives the same trace. Nothing in a simulated world may read a
// clock, range over a map where the order shows, or start a goroutine.
package vtime
