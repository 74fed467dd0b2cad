//go:build !unix

package server

import "math"

// descriptorLimit is how many descriptors the process may have open.
func descriptorLimit() uint64 { return math.MaxUint64 }
