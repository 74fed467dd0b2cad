//go:build plant

package plant

// Possible reports whether bugs can be planted in this build.
const Possible = true

// planted is the one bug that is planted, or "". It is global, which nothing in a
// shipped build may be: the code that asks has no other way to be told. Tests that
// plant do not run in parallel.
var planted Bug

// In reports whether a bug is planted.
func In(b Bug) bool { return planted == b }

// Plant plants a bug and returns what removes it.
func Plant(b Bug) (remove func()) {
	planted = b
	return func() { planted = "" }
}
