package server_test

import (
	"os"
	"testing"
)

// long returns how often a test repeats: the first number, or the second if
// ZABRA_LONG_TESTS is set.
func long(t testing.TB, short, long int) int {
	t.Helper()
	if os.Getenv("ZABRA_LONG_TESTS") != "" {
		return long
	}
	return short
}
