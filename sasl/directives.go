package sasl

import "strings"

// A digestResponse holds the directives of a client's response that count.
type digestResponse struct {
	username, realm, nonce, cnonce, nc string
	qop, uri, response, charset        string
	authzid                            string
	hasAuthzid                         bool
}

// maxDirectives bounds the directives of one response; the RFC knows 12.
const maxDirectives = 32

// parseDigestResponse reads name=value pairs between commas, values quoted or
// not. A name may occur once; names that nobody knows are ignored.
func parseDigestResponse(text string) (*digestResponse, error) {
	r := &digestResponse{}
	seen := make(map[string]bool)
	for n := 0; ; n++ {
		text = strings.TrimLeft(text, ", \t\r\n")
		if text == "" {
			break
		}
		name, value, rest, ok := cutDirective(text)
		name = strings.ToLower(name)
		if !ok || seen[name] || n == maxDirectives {
			return nil, ErrFormat
		}
		seen[name] = true
		r.set(name, value)
		text = rest
	}
	if !seen["qop"] {
		r.qop = "auth"
	}
	r.hasAuthzid = seen["authzid"]
	return r, nil
}

func (r *digestResponse) set(name, value string) {
	fields := map[string]*string{
		"username": &r.username, "realm": &r.realm, "nonce": &r.nonce, "cnonce": &r.cnonce,
		"nc": &r.nc, "qop": &r.qop, "digest-uri": &r.uri, "response": &r.response,
		"charset": &r.charset, "authzid": &r.authzid,
	}
	if f := fields[name]; f != nil {
		*f = value
	}
}

// cutDirective reads one pair and returns what follows it, which is empty or
// begins with a comma.
func cutDirective(text string) (name, value, rest string, ok bool) {
	name, rest, ok = strings.Cut(text, "=")
	name = strings.TrimRight(name, " \t\r\n")
	if !ok || name == "" || strings.ContainsAny(name, "\", \t") {
		return "", "", "", false
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	if strings.HasPrefix(rest, `"`) {
		value, rest, ok = cutQuoted(rest[1:])
	} else {
		end := strings.IndexAny(rest, ", \t\r\n")
		if end < 0 {
			end = len(rest)
		}
		value, rest = rest[:end], rest[end:]
		ok = value != "" && !strings.Contains(value, `"`)
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	return name, value, rest, ok && (rest == "" || rest[0] == ',')
}

// cutQuoted reads up to the closing quote; a backslash takes the next byte as it
// is.
func cutQuoted(text string) (value, rest string, ok bool) {
	var b []byte
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return string(b), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		b = append(b, text[i])
	}
	return "", "", false
}
