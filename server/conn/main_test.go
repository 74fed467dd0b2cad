package conn

import (
	"flag"
	"os"
	"testing"
)

// loopsOfRigs is Options.Loops where a test does not say otherwise.
var loopsOfRigs int

// TestMain runs the tests twice: with event loops, and with a goroutine for each
// connection.
func TestMain(m *testing.M) {
	code := m.Run()
	if fuzzing := flag.Lookup("test.fuzz"); code == 0 && (fuzzing == nil || fuzzing.Value.String() == "") {
		loopsOfRigs = -1
		code = m.Run()
	}
	os.Exit(code)
}
