package server

import "math"

// keptDescriptors are file descriptors that connections leave to the log, the
// store and whatever else the server has to open: a flood of connections must not
// keep it from beginning the next segment of the log, since then it would have to
// stop.
const keptDescriptors = 256

// mostConnections is how many connections each of n client ports may have at most,
// given the configured limit (0 is none) and the process's limit of descriptors.
func mostConnections(configured, n int, descriptors uint64) int {
	if descriptors > math.MaxInt32 {
		return configured
	}
	have := int(descriptors)
	room := max((have-min(keptDescriptors, have/2))/max(n, 1), 1)
	if configured > 0 {
		return min(configured, room)
	}
	return room
}
