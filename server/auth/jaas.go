package auth

import (
	"errors"
	"fmt"
	"strings"

	"github.com/zabra/zabra/sasl"
)

// ErrSASLUnsupported is a mechanism that this server does not have.
var ErrSASLUnsupported = errors.New("auth: SASL mechanism GSSAPI is not supported, use DIGEST-MD5 or TLS client certificates")

// MaxJAAS is the longest JAAS file that ParseJAAS reads, in bytes.
const MaxJAAS = 1 << 20

// A LoginModule is one entry of a section of a JAAS file.
type LoginModule struct {
	Class   string            // org.apache.zookeeper.server.auth.DigestLoginModule
	Flag    string            // required, requisite, sufficient or optional
	Options map[string]string // user_bob -> secret
}

// A JAASError is a mistake in a JAAS file.
type JAASError struct {
	Line int    // counted from 1
	Msg  string // what is wrong there
}

// Error names the line.
func (e *JAASError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

// ParseJAAS returns the sections of a JAAS login configuration by name:
//
//	Server {
//	    org.apache.zookeeper.server.auth.DigestLoginModule required
//	    user_bob="secret";
//	};
//
// Comments are those of Java and lines that begin with #. The error is a
// *JAASError.
func ParseJAAS(text string) (map[string][]LoginModule, error) {
	if len(text) > MaxJAAS {
		return nil, &JAASError{1, fmt.Sprintf("the file is longer than %d bytes", MaxJAAS)}
	}
	p := jaasParser{scan: jaasScanner{rest: text, line: 1}}
	p.next()
	sections := make(map[string][]LoginModule)
	for p.tok.kind != jaasEnd {
		name, modules, err := p.section()
		if err != nil {
			return nil, err
		}
		if _, twice := sections[name]; twice {
			return nil, p.errorf("section %s occurs twice", name)
		}
		sections[name] = modules
	}
	return sections, nil
}

// JAASUsers returns the DIGEST-MD5 users of a section: its user_<name> options.
// superPassword replaces the password of the user super, if that exists and the
// password is not empty. The error is ErrSASLUnsupported if the section logs in
// with Kerberos.
func JAASUsers(modules []LoginModule, superPassword string) (sasl.Users, error) {
	users := make(sasl.Users)
	for _, m := range modules {
		if strings.HasSuffix(m.Class, "Krb5LoginModule") {
			return nil, ErrSASLUnsupported
		}
		for option, value := range m.Options {
			if name, ok := strings.CutPrefix(option, "user_"); ok {
				users[name] = value
			}
		}
	}
	if _, ok := users["super"]; ok && superPassword != "" {
		users["super"] = superPassword
	}
	return users, nil
}

type jaasParser struct {
	scan jaasScanner
	tok  jaasToken
}

func (p *jaasParser) next() { p.tok = p.scan.token() }

func (p *jaasParser) errorf(format string, args ...any) error {
	return &JAASError{p.tok.line, fmt.Sprintf(format, args...)}
}

// expect takes a token of the kind and returns its text.
func (p *jaasParser) expect(kind jaasKind, what string) (string, error) {
	if p.tok.kind != kind {
		return "", p.errorf("expected %s, found %s", what, p.tok)
	}
	text := p.tok.text
	p.next()
	return text, nil
}

// section reads: name { module... } ;
func (p *jaasParser) section() (string, []LoginModule, error) {
	if p.tok.kind != jaasWord && p.tok.kind != jaasQuoted {
		return "", nil, p.errorf("expected the name of a section, found %s", p.tok)
	}
	name := p.tok.text
	p.next()
	if _, err := p.expect('{', "{"); err != nil {
		return "", nil, err
	}
	var modules []LoginModule
	for p.tok.kind != '}' {
		m, err := p.module()
		if err != nil {
			return "", nil, err
		}
		modules = append(modules, m)
	}
	p.next()
	_, err := p.expect(';', "; after the }")
	return name, modules, err
}

// module reads: class flag option=value... ;
func (p *jaasParser) module() (LoginModule, error) {
	m := LoginModule{Options: make(map[string]string)}
	var err error
	if m.Class, err = p.expect(jaasWord, "the class of a login module"); err != nil {
		return m, err
	}
	if m.Flag, err = p.flag(); err != nil {
		return m, err
	}
	for p.tok.kind != ';' {
		option, err := p.expect(jaasWord, "an option or ;")
		if err != nil {
			return m, err
		}
		if _, err := p.expect('=', "="); err != nil {
			return m, err
		}
		if p.tok.kind != jaasWord && p.tok.kind != jaasQuoted {
			return m, p.errorf("expected the value of %s, found %s", option, p.tok)
		}
		m.Options[option] = p.tok.text
		p.next()
	}
	p.next()
	return m, nil
}

func (p *jaasParser) flag() (string, error) {
	switch f := strings.ToLower(p.tok.text); f {
	case "required", "requisite", "sufficient", "optional":
		p.next()
		return f, nil
	}
	return "", p.errorf("expected required, requisite, sufficient or optional, found %s", p.tok)
}
