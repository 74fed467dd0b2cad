package cli

import "errors"

var errOpenQuote = errors.New("a quote is not closed")

// words splits a line at blanks. Single or double quotes group what is between
// them, blanks and the other kind of quote included; a quoted word may be empty.
func words(line string) ([]string, error) {
	var all []string
	var word []byte
	in, quote := false, byte(0)
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word = append(word, c)
		case c == '\'' || c == '"':
			in, quote = true, c
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if in {
				all = append(all, string(word))
			}
			in, word = false, word[:0]
		default:
			in, word = true, append(word, c)
		}
	}
	if quote != 0 {
		return nil, errOpenQuote
	}
	if in {
		all = append(all, string(word))
	}
	return all, nil
}
