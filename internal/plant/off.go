//go:build !plant

package plant

// Possible reports whether bugs can be planted in this build.
const Possible = false

// In reports whether a bug is planted.
func In(Bug) bool { return false }
