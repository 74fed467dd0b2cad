package server

import (
	"math"
	"runtime/debug"
)

// memory is how many bytes the process may take: what GOMEMLIMIT says, else the
// least of what the machine has and what its group of processes may have, else 0,
// which is unknown.
func memory() uint64 {
	if n := debug.SetMemoryLimit(-1); n > 0 && n < math.MaxInt64 {
		return uint64(n)
	}
	return systemMemory()
}

// The bound on what waits for all clients together, unless it is configured.
const (
	unsentShare   = 8         // of the memory, as a divisor
	unsentUnknown = 256 << 20 // of a machine that does not tell its memory
	unsentLeast   = 64 << 20
)

// mostUnsent is the bound, given what is configured (0 is nothing) in all and for
// each client, and the memory. One client alone can always have its own.
func mostUnsent(total, each int64, memory uint64) int64 {
	if total > 0 {
		return total
	}
	most := int64(unsentUnknown)
	if memory > 0 {
		most = int64(min(memory/unsentShare, math.MaxInt64))
	}
	return max(most, unsentLeast, each)
}
