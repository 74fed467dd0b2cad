package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// A colour is an SGR code of a terminal.
type colour string

const (
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

// isTerminal reports whether w is a terminal that a person looks at.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// coloured reports whether w is a terminal and NO_COLOR (no-color.org) is not set.
func coloured(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// paint colours s if w is coloured.
func paint(w io.Writer, c colour, s string) string {
	if !coloured(w) {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}
