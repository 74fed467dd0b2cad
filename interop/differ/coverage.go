package differ

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zabra/zabra/interop/raw"
)

// Coverage counts how requests ended: a comparison of runs in which everything
// fails would prove nothing.
type Coverage struct {
	codes  map[raw.Op]map[string]int
	events map[string]int
}

// NewCoverage has counted nothing.
func NewCoverage() *Coverage {
	return &Coverage{codes: map[raw.Op]map[string]int{}, events: map[string]int{}}
}

// Note counts one step's outcome.
func (c *Coverage) Note(st Step, out Outcome) {
	for _, l := range out {
		if f := strings.Fields(l); len(f) > 2 && f[1] == "event" {
			c.events[f[2]]++
		}
		if _, rest, ok := strings.Cut(l, " err="); ok && st.Kind == Request {
			code, _, _ := strings.Cut(rest, " ")
			if c.codes[st.Op] == nil {
				c.codes[st.Op] = map[string]int{}
			}
			c.codes[st.Op][code]++
		}
	}
}

// Missing lists what never happened of what a run must contain.
func (c *Coverage) Missing() []string {
	var missing []string
	for op := raw.OpNotification; op <= raw.OpWhoAmI; op++ {
		if len(c.codes[op]) == 0 && mustOccur(op) {
			missing = append(missing, op.String())
		}
	}
	seen := map[string]bool{}
	for _, m := range c.codes {
		for code := range m {
			seen[code] = true
		}
	}
	for _, code := range []string{"0", "-5", "-6", "-8", "-101", "-102", "-103", "-108", "-110", "-111", "-114", "-115", "-121", "-123", "-125"} {
		if !seen[code] {
			missing = append(missing, "error "+code)
		}
	}
	for _, e := range []string{"NodeCreated", "NodeDeleted", "NodeDataChanged", "NodeChildrenChanged"} {
		if c.events[e] == 0 {
			missing = append(missing, e)
		}
	}
	return missing
}

// mustOccur leaves out pings, which every step has, and what a client cannot ask
// for.
func mustOccur(op raw.Op) bool {
	switch op {
	case raw.OpPing, raw.OpCheck, raw.OpDeleteContainer:
		return false
	}
	_, unnamed := strings.CutPrefix(op.String(), "type")
	return op > 0 && !unnamed
}

// String is a table: operation, code=count.
func (c *Coverage) String() string {
	var b strings.Builder
	for _, op := range slices.Sorted(maps.Keys(c.codes)) {
		fmt.Fprintf(&b, "%-22v", op)
		for _, code := range slices.Sorted(maps.Keys(c.codes[op])) {
			fmt.Fprintf(&b, " %s=%d", code, c.codes[op][code])
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "events %v\n", c.events)
	return b.String()
}
