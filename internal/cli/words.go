package cli

import "regexp"

// word is zkCli's own pattern: a run that does not begin with a quote, or what is
// between two quotes of a kind. A quote inside of a word is part of it, and one that
// is never closed is passed over.
var word = regexp.MustCompile(`[ \t\n\v\f\r]*([^"'][^ \t\n\v\f\r]*|"[^"]*"|'[^']*')[ \t\n\v\f\r]*`)

// words splits a line as zkCli does.
func words(line string) []string {
	var all []string
	for _, m := range word.FindAllStringSubmatch(line, -1) {
		w := m[1]
		if n := len(w); n >= 2 && (w[0] == '"' || w[0] == '\'') && w[n-1] == w[0] {
			w = w[1 : n-1]
		}
		all = append(all, w)
	}
	return all
}
