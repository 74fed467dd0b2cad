package zoocfg

import (
	"slices"
	"strings"
)

// causes are malformed values, from which other problems follow.
type causes struct {
	origins map[Origin]bool
	keys    map[string]bool
	servers []string // lines, by their keys
}

func newCauses(errs Errors) causes {
	c := causes{origins: map[Origin]bool{}, keys: map[string]bool{}}
	for _, err := range errs {
		switch e := err.(type) {
		case *ValueError:
			c.origins[e.Origin] = true
			if k, _, ok := keys.lookup(e.Key); ok {
				c.keys[k.Name] = true
				if k.Name == "server." {
					c.servers = append(c.servers, e.Key)
				}
			}
		case *ConflictError: // a line that is there twice
			c.servers = append(c.servers, e.Key)
		}
	}
	return c
}

// explain reports whether a problem follows from what is malformed: it is about that
// value, or about one that needs it, or about how many servers there are.
func (c causes) explain(e *ConflictError) bool {
	switch {
	case c.origins[e.Origin],
		e.Key == "clientPortAddress" && c.keys["clientPort"],
		e.Key == "secureClientPortAddress" && c.keys["secureClientPort"],
		e.Key == "server.N" && len(c.servers) > 0:
		return true
	}
	return slices.ContainsFunc(c.servers, func(key string) bool {
		return strings.HasPrefix(e.Problem, "there is no line "+key+";")
	})
}

// sort puts errors and warnings in the order of the lines they are about.
func (l *loader) sort() {
	slices.SortStableFunc(l.errs, func(a, b error) int { return byLine(originOfError(a), originOfError(b)) })
	slices.SortStableFunc(l.warnings, func(a, b Warning) int { return byLine(a.Origin, b.Origin) })
}

// byLine orders the files' lines first, by file, then what has no line.
func byLine(a, b Origin) int {
	switch {
	case (a.Line == 0) != (b.Line == 0):
		return b.Line - a.Line
	case a.File != b.File:
		return strings.Compare(a.File, b.File)
	default:
		return a.Line - b.Line
	}
}

func originOfError(err error) Origin {
	switch err := err.(type) {
	case *ValueError:
		return err.Origin
	case *ConflictError:
		return err.Origin
	case *SyntaxError:
		return Origin{File: err.File, Line: err.Line}
	default:
		return Origin{}
	}
}
