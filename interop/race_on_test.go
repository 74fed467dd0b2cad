//go:build race

package interop

// raceEnabled tells of the race detector, which judges other people's libraries too.
const raceEnabled = true
