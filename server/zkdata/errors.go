package zkdata

import "fmt"

// A DamageError says that data which had been acknowledged is not there, or cannot be
// trusted. Nothing was imported or exported.
type DamageError struct {
	File    string // path
	Offset  int64  // in the file, -1 if it has none
	Problem string // what is wrong
	Remedy  string // what an operator can do
}

func (e *DamageError) Error() string {
	at := ""
	if e.Offset >= 0 {
		at = fmt.Sprintf(" at offset %d", e.Offset)
	}
	return fmt.Sprintf("%s%s: %s; %s", e.File, at, e.Problem, e.Remedy)
}

// A PlaceError says that a directory is not one to read from, or to write to.
type PlaceError struct {
	Dir     string
	Problem string // with what to do
}

func (e *PlaceError) Error() string { return e.Dir + " " + e.Problem }
