package interop

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

// What servers tell each other by password. The client port asks for none.
const quorumJAAS = `QuorumServer {
	org.apache.zookeeper.server.auth.DigestLoginModule required user_quorum="between-us";
};
QuorumLearner {
	org.apache.zookeeper.server.auth.DigestLoginModule required username="quorum" password="between-us";
};
`

// Servers of both kinds know each other by certificates and passwords, and elect, follow
// and bring one another up to date, each kind under the other.
func TestMixedEnsembleIsSecure(t *testing.T) {
	env.Need(t)
	for _, m := range []struct {
		name, members string
		long          bool
	}{
		{"two Apache under Zabra", "aaz", false},
		{"two Zabra under Apache", "zza", false},
		{"both observe Zabra and Apache", "azAZ", true},
		{"two Apache 3.8 under Zabra", "ooz", true},
	} {
		if m.long && !env.Long {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			pair, secured := securedQuorum(t)
			c := ensembleConfig()
			maps.Copy(c, secured)
			n := env.StartEnsemble(t, harness.Members(m.members), c)
			for _, s := range n.Servers {
				onlySecurely(t, s, pair)
			}
			d := &drill{t: t, n: n}
			d.write()
			if n.Servers[0].Voters() == 3 {
				d.comesBackEmpty(n.Others(n.Leader(t))[0])
			}
			d.leaderDies()
			if !t.Failed() {
				agree(t, n)
			}
		})
	}
}

// securedQuorum is the configuration of servers that demand both of each other, and the
// certificate that they show.
func securedQuorum(t *testing.T) (tls.Certificate, harness.Config) {
	t.Helper()
	dir := t.TempDir()
	at := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	ca := newHolder(t, nil, "Quorum CA")
	server := newHolder(t, ca, "server").store()
	pair, err := tls.X509KeyPair(server, server)
	if err != nil {
		t.Fatal(err)
	}
	return pair, harness.Config{
		"sslQuorum": "true", "ssl.quorum.keyStore.location": at("server.pem", string(server)),
		"ssl.quorum.trustStore.location":  at("trust.pem", string(ca.certificate())),
		"java.security.auth.login.config": at("jaas", quorumJAAS), "fips-mode": "false",
		"quorum.auth.enableSasl": "true", "quorum.auth.learnerRequireSasl": "true", "quorum.auth.serverRequireSasl": "true",
	}
}

// onlySecurely wants TLS on the server's election port, and nothing for who does not
// show a certificate.
func onlySecurely(t *testing.T, s *harness.Server, pair tls.Certificate) {
	t.Helper()
	addr := net.JoinHostPort("127.0.0.1", strings.Split(s.Line("participant"), ":")[2])
	for certificates, want := range map[int]bool{0: false, 1: true} {
		nc, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}[:certificates], MaxVersion: tls.VersionTLS12})
		if err := c.Handshake(); (err == nil) != want {
			t.Errorf("%s: a handshake with %d certificates: %v", name(s), certificates, fmt.Sprint(err))
		}
		c.Close()
	}
}
