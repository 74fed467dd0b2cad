package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/zabra/zabra/wire"
)

// authorize checks that the request proves ids that have all permissions on the
// root. It returns the answer to give if it does not, else nil.
func (a *Admin) authorize(r *http.Request) *response {
	header, present := r.Header["Authorization"]
	if !present {
		return refuse(http.StatusUnauthorized, "Auth info is missing for the command")
	}
	scheme, data, good := parseAuthorization(header[0])
	if !good {
		return refuse(http.StatusUnauthorized, "Not authenticated")
	}
	ids, good := a.node.Authenticate(a.credentials(r, scheme, data))
	if !good || len(ids) == 0 {
		return refuse(http.StatusUnauthorized, "Not authenticated")
	}
	// Each permission may come from another of the ACL's entries, so each is
	// asked for alone.
	for bit := int32(1); bit <= wire.PermAll; bit <<= 1 {
		if !a.node.Allowed(ids, bit) {
			return refuse(http.StatusForbidden, "Not authorized")
		}
	}
	return nil
}

func refuse(status int, err string) *response {
	r := failed(status, err)
	return &r
}

// parseAuthorization splits the header's value at its one blank. Schemes that
// take the caller's identity from the connection (ip, x509) have no data.
func parseAuthorization(value string) (scheme string, data []byte, good bool) {
	parts := strings.Split(strings.TrimRight(value, " "), " ")
	switch len(parts) {
	case 1:
		return parts[0], nil, parts[0] != ""
	case 2:
		return parts[0], []byte(parts[1]), parts[0] != ""
	}
	return "", nil, false
}

func (a *Admin) credentials(r *http.Request, scheme string, data []byte) Credentials {
	c := Credentials{Scheme: scheme, Data: data, Remote: a.remote(r)}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		c.Certs = r.TLS.VerifiedChains[0]
	}
	return c
}

// remote is the caller's address, invalid if there is none.
func (a *Admin) remote(r *http.Request) netip.Addr {
	text := r.RemoteAddr
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	if forwarded := r.Header.Get("X-Forwarded-For"); a.opts.UseXForwardedFor && forwarded != "" {
		first, _, _ := strings.Cut(forwarded, ",")
		text = strings.TrimSpace(first)
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap()
}
