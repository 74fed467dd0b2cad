//go:build race

package pipeline

// raceEnabled tells that allocations mean nothing: pools forget things at random.
const raceEnabled = true
