package server_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// electionPort is that of server 1.
func (s *site) electionPort() string {
	_, line, _ := strings.Cut(s.config, "server.1=")
	parts := strings.Split(strings.SplitN(line, "\n", 2)[0], ":")
	return net.JoinHostPort(parts[0], parts[2])
}

// Servers that are told to speak TLS and SASL with each other do, and an ensemble
// works over it; whoever speaks neither is sent away.
func TestEnsembleSpeaksTLSAndSASL(t *testing.T) {
	p := newPKI(t)
	jaas := p.write("jaas.conf", []byte(`
		QuorumServer { org.apache.zookeeper.server.auth.DigestLoginModule required user_zk="between us"; };
		QuorumLearner { org.apache.zookeeper.server.auth.DigestLoginModule required username="zk" password="between us"; };`))
	sites := startEnsemble(t, 3,
		"sslQuorum=true", "ssl.quorum.keyStore.location="+p.dir+"/server.pem", "ssl.quorum.trustStore.location="+p.dir+"/trust.pem",
		"java.security.auth.login.config="+jaas, "quorum.auth.enableSasl=true", "quorum.auth.learnerRequireSasl=true", "quorum.auth.serverRequireSasl=true")
	for i, s := range sites {
		s.client().create(fmt.Sprint("/n", i), fmt.Sprint(i), wire.ModePersistent)
	}
	for i := range sites {
		agree(t, sites, fmt.Sprint("/n", i), fmt.Sprint(i))
	}

	plain, err := net.Dial("tcp", sites[0].electionPort())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	hello := wire.InitialMessage{SID: 3, Addresses: []string{"127.0.0.1:1"}}
	b, err := hello.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Write(b); err != nil {
		t.Fatal(err)
	}
	plain.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := io.Copy(io.Discard, plain); os.IsTimeout(err) || n > 0 {
		t.Errorf("a plain connection to the election port: %d bytes, %v", n, err)
	}
	_, leaderID, _ := lead(t, sites)
	for port, addr := range map[string]string{"election port": sites[0].electionPort(), "quorum port": sites[0].port(leaderID, 1)} {
		for who, h := range map[string]*holder{"a stranger": p.issue(p.other, "stranger"), "somebody without a certificate": nil} {
			conn, err := tls.Dial("tcp", addr, p.client(h))
			if err == nil {
				conn.SetReadDeadline(time.Now().Add(patience))
				_, err = conn.Read(make([]byte, 1))
				conn.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "remote error: tls: ") {
				t.Errorf("%s on the %s: %v, want a refusal by TLS", who, port, err)
			}
		}
	}
}

// A configuration that asks for security that cannot be had does not start.
func TestEnsembleRefusesToBeLessSecure(t *testing.T) {
	p := newPKI(t)
	for text, want := range map[string]string{
		"sslQuorum=true": "ssl.quorum.keyStore.location",
		"sslQuorum=true\nssl.quorum.keyStore.location=" + p.dir + "/server.pem":                                                                              "ssl.quorum.trustStore.location",
		"sslQuorum=true\nssl.quorum.keyStore.location=" + p.dir + "/missing.pem\nssl.quorum.trustStore.location=" + p.dir + "/trust.pem":                     "missing.pem",
		"sslQuorum=true\nssl.quorum.crl=true\nssl.quorum.keyStore.location=" + p.dir + "/server.pem\nssl.quorum.trustStore.location=" + p.dir + "/trust.pem": "ssl.quorum.crl",
		"quorum.auth.enableSasl=true": "java.security.auth.login.config",
	} {
		if err := refusal(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error about %s", text, err, want)
		}
	}
}

// refusal is why a server of an ensemble does not start with these lines.
func refusal(t testing.TB, text string) error {
	t.Helper()
	dir := filepath.ToSlash(t.TempDir())
	if err := os.WriteFile(filepath.Join(dir, "myid"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 2)
	config := fmt.Sprintf("%sinitLimit=20\nsyncLimit=10\nstandaloneEnabled=false\ndataDir=%s\nserver.1=127.0.0.1:%d:%d\n%s\n", siteDefaults, dir, ports[0], ports[1], text)
	cfg, _, err := zoocfg.Load(zoocfg.Source{File: "zoo.cfg", ReadFile: func(path string) ([]byte, error) {
		if path == "zoo.cfg" {
			return []byte(config), nil
		}
		return os.ReadFile(path)
	}})
	if err != nil {
		return err
	}
	s, err := server.Open(cfg, osfs.FS{}, zap.NewNop())
	if err == nil {
		t.Errorf("%s: it starts", text)
		return s.Close()
	}
	return err
}
