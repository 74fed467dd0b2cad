package zoocfg

import (
	"strings"
	"unicode"
)

// envPrefix starts every environment variable that is a setting.
const envPrefix = "ZABRA_"

// EnvName derives the environment variable of a key: ZABRA_ and the key in upper
// snake case. An underscore goes where a dot or a dash stands, before a capital
// that follows a small letter or a digit, and before the last capital of a run
// that a small letter follows. A leading "zabra." is left out.
//
//	clientPort                     ZABRA_CLIENT_PORT
//	admin.commandURL               ZABRA_ADMIN_COMMAND_URL
//	IPAuthenticationProvider.x     ZABRA_IP_AUTHENTICATION_PROVIDER_X
//	zabra.log.level                ZABRA_LOG_LEVEL
func EnvName(key string) string {
	runes := []rune(strings.TrimPrefix(key, "zabra."))
	var b strings.Builder
	b.WriteString(envPrefix)
	for i, r := range runes {
		if r == '.' || r == '-' {
			b.WriteByte('_')
			continue
		}
		if startsWord(runes, i) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

func startsWord(runes []rune, i int) bool {
	if i == 0 || !unicode.IsUpper(runes[i]) {
		return false
	}
	before := runes[i-1]
	if unicode.IsLower(before) || unicode.IsDigit(before) {
		return true
	}
	return unicode.IsUpper(before) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
}

// nearest returns the candidate with the smallest edit distance to name, the
// first one among equals, or "" if none is close enough to be a likely slip.
// Case does not count: "clientport" is clientPort.
func nearest(name string, candidates []string) string {
	if len(name) > maxNearestName {
		return ""
	}
	var (
		best  string
		bound = max(2, len(name)/3) + 1
		lower = strings.ToLower(name)
	)
	for _, c := range candidates {
		if d := editDistance(lower, strings.ToLower(c), bound); d < bound {
			best, bound = c, d
		}
	}
	return best
}

// maxNearestName bounds the work for a key out of a hostile file; the longest
// known key has about 60 letters.
const maxNearestName = 128

// editDistance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b. It may return any number of at least bound
// once the distance is known to reach bound.
func editDistance(a, b string, bound int) int {
	if abs(len(a)-len(b)) >= bound {
		return bound
	}
	var (
		beforeLast = make([]int, len(b)+1)
		last       = make([]int, len(b)+1)
		row        = make([]int, len(b)+1)
	)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], beforeLast[j-2]+1)
			}
		}
		beforeLast, last, row = last, row, beforeLast
	}
	return last[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
