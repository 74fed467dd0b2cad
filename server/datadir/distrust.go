package datadir

import (
	"fmt"
	"strings"
)

// A Doubt is why a member of an ensemble must not count on what its disk holds.
type Doubt string

// The doubts.
const (
	NoDoubt Doubt = ""
	Fresh   Doubt = "fresh"   // the member was started on an empty disk, and holds nothing yet
	Moving  Doubt = "moving"  // damaged files are being put aside
	Damaged Doubt = "damaged" // what is there is not to be built on
	// A leader's state replaces what is there, and is not whole yet; found at a start, it
	// is as good as damaged.
	Replacing Doubt = "replacing"
)

// A Distrust is what the file of that name holds: the doubt and the set on one line, the
// text behind it.
type Distrust struct {
	Why  Doubt
	Set  string // where damaged files are kept, a name in the folder for them; or ""
	Text string // for operators
}

// MaxDistrust is the most bytes that the file holds.
const MaxDistrust = 8 << 10

// Append appends the content of the file.
func (d Distrust) Append(b []byte) []byte {
	return fmt.Appendf(b, "%s %s\n%.4000s\n", d.Why, d.Set, d.Text)
}

// ParseDistrust reads what Append wrote. What cannot be understood is the worst that it
// can be.
func ParseDistrust(text []byte) Distrust {
	head, rest, _ := strings.Cut(string(text), "\n")
	why, set, _ := strings.Cut(head, " ")
	d := Distrust{Doubt(why), set, strings.TrimSpace(rest)}
	known := d.Why == Fresh || d.Why == Moving || d.Why == Replacing
	if !known || strings.ContainsAny(set, `/\`) {
		d.Why = Damaged
	}
	return d
}
