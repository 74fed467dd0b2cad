package interop

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/interop/harness"
)

// sameSecurely runs SecureClient against the peer and the subject with the same
// configuration and wants the same lines; as a member of an ensemble, too, if members is
// set or in the long form.
func sameSecurely(t *testing.T, c harness.Config, members bool, args func(addr string) []string) []string {
	t.Helper()
	env.Need(t)
	c["zabra.log.level"] = "debug"
	servers := []*harness.Server{env.Start(t, harness.Apache, c)}
	list := stands()
	if !members && !env.Long {
		list = list[:1]
	}
	for _, st := range list {
		servers = append(servers, st.start(t, c))
	}
	var got [][]string
	for two := range slices.Chunk(servers, 2) { // programs at a time: more JVMs are of no use
		lines := make([][]string, len(two))
		var all sync.WaitGroup
		for i, s := range two {
			addr := s.Addr
			if s.SecureAddr != "" {
				addr = s.SecureAddr
			}
			all.Go(func() { lines[i] = env.JavaWith(s, "zabra.interop.SecureClient", args(addr)...).Run(t) })
		}
		all.Wait()
		got = append(got, lines...)
	}
	for i, st := range list {
		t.Run(st.name, func(t *testing.T) {
			compareTranscripts(t, got[0], got[i+1])
			noSecrets(t, servers[i+1])
		})
	}
	return got[1]
}

// noSecrets looks through a server's log of level debug.
func noSecrets(t *testing.T, s *harness.Server) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil || s.Kind != harness.Zabra {
		return
	}
	if !bytes.Contains(log, []byte("DEBUG")) {
		t.Error("the log is not one of level debug")
	}
	for _, secret := range []string{"alices-password", `bob's "password"`, "rootpassword", "guessed", "carol:secret"} {
		if bytes.Contains(log, []byte(secret)) || bytes.Contains(log, []byte(strconv.Quote(secret))) {
			t.Errorf("the log shows %s", secret)
		}
	}
}

const saslProvider = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider"

// The client's people, a section each. dave's password is wrong.
const clientJAAS = `
%[1]s {
	org.apache.zookeeper.server.auth.DigestLoginModule required username="%[2]s" password="%[3]s";
};
`

// Apache's client by SASL DIGEST-MD5: right and wrong passwords, none at all,
// ids in ACLs, a super user, and what a server may demand.
func TestJavaSASL(t *testing.T) {
	dir := t.TempDir()
	server, client := filepath.Join(dir, "server.jaas"), filepath.Join(dir, "client.jaas")
	write(t, server, `Server {
	org.apache.zookeeper.server.auth.DigestLoginModule required
	user_alice="alices-password"
	user_bob="bob's \"password\""
	user_root="rootpassword";
};`)
	people := ""
	for _, p := range [][3]string{{"alice", "alice", "alices-password"}, {"bob", "bob", `bob's \"password\"`}, {"root", "root", "rootpassword"},
		{"dave", "alice", "guessed"}, {"erin", "erin", "unknown"}} {
		people += fmt.Sprintf(clientJAAS, p[0], p[1], p[2])
	}
	write(t, client, people)
	for name, more := range map[string]harness.Config{
		"default":         {},
		"required":        {"sessionRequireClientSASLAuth": "true"},
		"failed allowed":  {"allowSaslFailedClients": "true"},
		"both":            {"sessionRequireClientSASLAuth": "true", "allowSaslFailedClients": "true"},
		"enforced":        {"enforce.auth.enabled": "true", "enforce.auth.schemes": "sasl"},
		"enforced digest": {"enforce.auth.enabled": "true", "enforce.auth.schemes": "digest,sasl"},
	} {
		t.Run(name, func(t *testing.T) {
			c := harness.Config{
				"authProvider.1": saslProvider, "java.security.auth.login.config": server, "fips-mode": "false", "superUser": "root",
			}
			maps.Copy(c, more)
			got := sameSecurely(t, c, name == "required", func(addr string) []string {
				return []string{"sasl", addr, client, "alice", "bob", "root", "-", "dave", "erin"}
			})
			wantLines(t, got, "create -> /of-alice", "read what is of alice -> KeeperException NOAUTH path=/of-alice",
				`read what is of bob -> "secret"`)
			if name == "required" {
				wantLines(t, got, "first request -> SESSIONCLOSEDREQUIRESASLAUTH", "state -> refused")
			}
		})
	}
}

// Apache's client by TLS over Netty: certificates as identities in ACLs and of a
// super user, and who is let in at all.
func TestJavaTLS(t *testing.T) {
	dir := t.TempDir()
	ca, other := newHolder(t, nil, "Trusted CA"), newHolder(t, nil, "Other CA")
	write(t, filepath.Join(dir, "trust.pem"), string(ca.certificate()))
	for _, name := range []string{"server", "alice", "bob", "root"} {
		write(t, filepath.Join(dir, name+".pem"), string(newHolder(t, ca, name).store()))
	}
	write(t, filepath.Join(dir, "dave.pem"), string(newHolder(t, other, "alice").store()))
	for _, demand := range []string{"need", "want", "none"} {
		t.Run(demand, func(t *testing.T) {
			c := harness.Config{
				"secureClientPort": harness.FreePort, "secureClientPortAddress": "127.0.0.1",
				"serverCnxnFactory":     "org.apache.zookeeper.server.NettyServerCnxnFactory",
				"authProvider.1":        "org.apache.zookeeper.server.auth.X509AuthenticationProvider",
				"ssl.keyStore.location": filepath.Join(dir, "server.pem"), "ssl.trustStore.location": filepath.Join(dir, "trust.pem"),
				"ssl.clientAuth":                       demand,
				"X509AuthenticationProvider.superUser": "CN=root,O=Example",
			}
			people := []string{"alice", "bob", "root", "dave"}
			if demand != "need" {
				people = append(people, "-")
			}
			got := sameSecurely(t, c, demand == "need", func(addr string) []string { return append([]string{"tls", addr, dir}, people...) })
			if demand != "none" {
				wantLines(t, got, "create -> /of-alice", "read what is of alice -> KeeperException NOAUTH path=/of-alice")
			}
			if demand == "need" {
				wantLines(t, got, "state -> refused")
			}
		})
	}
}

// wantLines keeps a transcript of nothing but failures from passing because it
// is the same on both sides.
func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	text := strings.Join(got, "\n") + "\n"
	for _, line := range want {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("the transcript lacks %q:\n%s", line, text)
		}
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A holder has a certificate and its key.
type holder struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// newHolder issues a certificate; without an issuer it is an authority's.
func newHolder(t testing.TB, issuer *holder, name string) *holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name, Organization: []string{"Example"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	parent, signer := template, crypto.Signer(key)
	if issuer == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &holder{cert, key}
}

func (h *holder) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.cert.Raw})
}

// store is the key and the certificate in one file.
func (h *holder) store() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(h.key)
	if err != nil {
		panic(err)
	}
	return bytes.Join([][]byte{pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), h.certificate()}, nil)
}
