package client_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/testserver"
	"github.com/zabra/zabra/wire"
)

// newSASLRig is a server that knows bob and zoë.
func newSASLRig(t testing.TB, config ...string) *rig {
	t.Helper()
	jaas := filepath.ToSlash(filepath.Join(t.TempDir(), "jaas.conf"))
	users := `Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="secret" user_zoë="pässword"; };`
	if err := os.WriteFile(jaas, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testserver.Start(t, append(config, "java.security.auth.login.config="+jaas,
		"authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider")...)
	return &rig{s, s.Way(), t}
}

// Who proved by SASL who it is has that identity, on every connection.
func TestSASL(t *testing.T) {
	for _, who := range [][2]string{{"bob", "secret"}, {"zoë", "pässword"}} {
		ctx, r := t.Context(), newSASLRig(t, "sessionRequireClientSASLAuth=true")
		c := r.open(client.Options{SASL: client.DigestMD5(who[0], who[1])})
		must(c.Create(ctx, "/mine", nil, client.WithACL(client.Creator(client.PermAll)...)))(t)
		acl, _, err := c.GetACL(ctx, "/mine")
		if want := (client.ID{Scheme: "sasl", ID: who[0]}); err != nil || len(acl) != 1 || acl[0].ID != want {
			t.Error(acl, err)
		}
		for range 3 {
			r.Cut(false)
			if _, _, err := c.Get(ctx, "/mine"); err != nil {
				t.Fatal(err)
			}
		}
		nobody := r.open(client.Options{})
		if _, _, err := nobody.Get(ctx, "/"); !errors.Is(err, client.ErrSASLRequired) {
			t.Error(err)
		}
	}
}

// A refusal says who refused what, and ends Open.
func TestSASLRefusals(t *testing.T) {
	refusal := func(r *rig, m client.SASL) *client.AuthError {
		t.Helper()
		c, err := client.Open(soon(t, time.Minute), "127.0.0.1:1", client.Options{Dial: r.Dial, SASL: m})
		var refused *client.AuthError
		if !errors.As(err, &refused) || !errors.Is(err, client.ErrAuthFailed) || refused.Scheme != "sasl" || refused.Server == "" {
			t.Fatal(c, err)
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "guess") {
			t.Error("the password is shown:", err)
		}
		return refused
	}
	for config, want := range map[string]error{"": wire.AuthFailed, "sessionRequireClientSASLAuth=true": wire.SASLAuthRequired} {
		r := newSASLRig(t, config)
		for _, who := range [][2]string{{"bob", "guess"}, {"eve", "secret"}, {"bob", ""}} {
			if err := refusal(r, client.DigestMD5(who[0], who[1])); !errors.Is(err, want) {
				t.Error(err)
			}
		}
	}
	// A server that lets those stay who failed does not let us believe that we did not.
	refusal(newSASLRig(t, "allowSaslFailedClients=true"), client.DigestMD5("bob", "guess"))
	refusal(newRig(t), client.DigestMD5("bob", "secret")) // it has no SASL
	refusal(newRig(t), &counting{steps: 1000})
}

// A server that cannot show that it knows the password is refused by the client.
func TestServerThatDoesNotKnowThePassword(t *testing.T) {
	f := play(t, func(c *fakeConn) {
		if !c.hello(1) {
			return
		}
		tokens := []string{`realm="zk-sasl-md5",nonce="n",charset=utf-8,algorithm=md5-sess`, "rspauth=00000000000000000000000000000000"}
		for _, token := range tokens {
			h, _, ok := c.next()
			if !ok {
				return
			}
			c.reply(h.Xid, wire.OK, &wire.SASLRequest{Token: []byte(token)})
		}
	})
	_, err := client.Open(soon(t, time.Minute), f.addr, client.Options{SASL: client.DigestMD5("bob", "secret")})
	if !errors.Is(err, client.ErrAuthFailed) {
		t.Error(err)
	}
}

func TestSASLHidesThePassword(t *testing.T) {
	o := client.Options{SASL: client.DigestMD5("bob", "secret")}
	if s := fmt.Sprintf("%v %+v %#v %v", o, o, o, struct{ m client.SASL }{o.SASL}); strings.Contains(s, "secret") {
		t.Error(s)
	}
}
