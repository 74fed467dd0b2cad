//go:build !linux

package sparse

import "io"

// Without a way to find holes, a file is one part.
const (
	seekData = io.SeekStart
	seekHole = io.SeekStart
)
