package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/interop/harness"
)

// The tests of our own client and its recipes, against Apache ZooKeeper.
func TestGoClientOnZooKeeper(t *testing.T) {
	parallel(t)
	s := env.Start(t, harness.Apache, harness.Config{
		"tickTime": "100", "minSessionTimeout": "100", "maxSessionTimeout": "60000",
		"maxClientCnxns": "0", "extendedTypesEnabled": "true",
	})
	cmd := exec.Command("go", "test", "-count=1", "-v", "-timeout", "15m", "./client/...")
	cmd.Dir = env.Root
	cmd.Env = append(os.Environ(), "ZABRA_TESTSERVER="+s.Addr)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	passed := len(regexp.MustCompile(`(?m)^--- PASS`).FindAll(out, -1))
	t.Logf("%d tests passed", passed)
	if passed < 90 {
		t.Errorf("only %d tests ran:\n%s", passed, out)
	}
}

// The Go client proves by SASL who it is, to Apache's server and to ours: right and wrong
// passwords, again on every connection, and where a server lets nobody else in.
func TestGoClientSASL(t *testing.T) {
	parallel(t)
	env.Need(t)
	jaas := filepath.Join(t.TempDir(), "server.jaas")
	write(t, jaas, `Server {
	org.apache.zookeeper.server.auth.DigestLoginModule required
	user_alice="alices-password"
	user_zoë="pässword";
};`)
	for _, required := range []string{"false", "true"} {
		c := harness.Config{
			"authProvider.1": saslProvider, "java.security.auth.login.config": jaas, "fips-mode": "false",
			"sessionRequireClientSASLAuth": required,
		}
		servers := map[string]*harness.Server{"Apache": env.Start(t, harness.Apache, c), "Zabra": env.Start(t, harness.Zabra, c)}
		for kind, s := range servers {
			t.Run(kind+", required "+required, func(t *testing.T) { proveSASL(t, s.Addr, required == "true") })
		}
	}
}

func proveSASL(t *testing.T, addr string, required bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var cut connections
	open := func(m client.SASL) (*client.Client, error) {
		return client.Open(ctx, addr, client.Options{SASL: m, Dial: cut.dial})
	}
	for i, who := range [][2]string{{"alice", "alices-password"}, {"zoë", "pässword"}} {
		c, err := open(client.DigestMD5(who[0], who[1]))
		if err != nil {
			t.Fatal(err)
		}
		path := fmt.Sprintf("/of-%d", i)
		if _, err := c.Create(ctx, path, nil, client.WithACL(client.Creator(client.PermAll)...)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, _, err := c.Get(ctx, path); err != nil {
				t.Error(err)
			}
			cut.all()
		}
		acl, _, err := c.GetACL(ctx, path)
		if want := (client.ID{Scheme: "sasl", ID: who[0]}); err != nil || len(acl) != 1 || acl[0].ID != want {
			t.Error(acl, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, who := range [][2]string{{"alice", "guessed"}, {"erin", "unknown"}} {
		_, err := open(client.DigestMD5(who[0], who[1]))
		var refused *client.AuthError
		if !errors.As(err, &refused) || !errors.Is(err, client.ErrAuthFailed) {
			t.Errorf("%s: %v", who[0], err)
		}
	}
	nobody, err := open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	_, _, err = nobody.Get(ctx, "/of-0")
	if want := map[bool]error{false: client.ErrNoAuth, true: client.ErrSASLRequired}[required]; !errors.Is(err, want) {
		t.Error(err)
	}
}

// connections are those that were dialled.
type connections struct {
	mu   sync.Mutex
	list []net.Conn
}

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.list = append(c.list, nc)
	}
	return nc, err
}

// all breaks them all.
func (c *connections) all() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, nc := range c.list {
		nc.Close()
	}
	c.list = nil
}
