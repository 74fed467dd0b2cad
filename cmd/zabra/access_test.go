package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/cli"
	"github.com/zabra/zabra/internal/testserver"
)

// A filesIn is a directory in which a test writes.
type filesIn struct {
	t   *testing.T
	dir string
}

func newFiles(t *testing.T) filesIn { return filesIn{t, filepath.ToSlash(t.TempDir())} }

func (f filesIn) write(name, text string) string {
	f.t.Helper()
	path := f.dir + "/" + name
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// certify writes an authority as ca.pem, and certificates of it with their keys as
// server.pem and me.pem.
func (f filesIn) certify() {
	f.t.Helper()
	ca, caKey, text := f.certificate("authority", nil, nil)
	f.write("ca.pem", text)
	for _, name := range []string{"server", "me"} {
		_, key, text := f.certificate(name, ca, caKey)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			f.t.Fatal(err)
		}
		keyText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		f.write(name+".key", keyText)
		f.write(name+".crt", text)
		f.write(name+".pem", keyText+text)
	}
}

func (f filesIn) certificate(name string, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, string) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	if issuer == nil {
		issuer, issuerKey, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = c, key, true, true, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), issuerKey)
	if err != nil {
		f.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		f.t.Fatal(err)
	}
	return c, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// A way is one of saying how to connect: in words before what a command wants else,
// and in the environment.
type way struct {
	words []string
	env   map[string]string
}

// try has every command that uses the client connect in one way.
func (w way) try(t *testing.T, addr, whoami string) {
	t.Helper()
	for name, value := range w.env {
		t.Setenv(name, value)
	}
	zabraBy := func(command string, args ...string) (string, string, int) {
		words := append([]string{command}, w.words...)
		if w.env["ZABRA_CLI_SERVER"] == "" {
			words = append(words, "--server", addr)
		}
		return zabra(t, append(words, args...)...)
	}
	if out, errs, code := zabraBy("cli", "whoami"); code != 0 || !strings.Contains(out, whoami) {
		t.Errorf("cli: %d %q %q", code, out, errs)
	}
	for _, command := range []string{"lock", "elect"} {
		if out, errs, code := zabraBy(command, "/l", "--", "echo", "mine"); code != 0 || out != "mine\n" {
			t.Errorf("%s: %d %q %q", command, code, out, errs)
		}
	}
	if out, errs, code := zabraBy("register", "web", "--address", "10.0.0.1:80", "--", "echo", "there"); code != 0 || !strings.Contains(out, "there") {
		t.Errorf("register: %d %q %q", code, out, errs)
	}
	if out, errs, code := zabraBy("status", "--admin-port", "0", "--timeout", "30s"); code != 0 || !strings.Contains(out, "ok: the server serves") {
		t.Errorf("status: %d %q %q", code, out, errs)
	}
}

// All commands connect by TLS, and show a certificate, however they are told to.
func TestCommandsByTLS(t *testing.T) {
	f := newFiles(t)
	f.certify()
	addr := startServerWith(t, "secureClientPort=0\nsecureClientPortAddress=127.0.0.1", "4lw.commands.whitelist=*",
		"ssl.keyStore.location="+f.dir+"/server.pem", "ssl.trustStore.location="+f.dir+"/ca.pem")
	java := f.write("client.properties", "zookeeper.client.secure=true\n"+
		"zookeeper.ssl.keyStore.location="+f.dir+"/me.pem\nzookeeper.ssl.trustStore.location="+f.dir+"/ca.pem\n"+
		"zookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty\n")
	noName := f.write("noname.properties", "client.secure=true\nssl.hostnameVerification=false\nssl.keyStore.location="+
		f.dir+"/me.pem\nssl.trustStore.location="+f.dir+"/ca.pem\n")
	for name, w := range map[string]way{
		"flags":             {words: []string{"--cafile", f.dir + "/ca.pem", "--cert", f.dir + "/me.pem"}},
		"with a key apart":  {words: []string{"--cafile", f.dir + "/ca.pem", "--cert", f.dir + "/me.crt", "--key", f.dir + "/me.key"}},
		"as Java's":         {words: []string{"--client-configuration", java}},
		"whoever it is":     {words: []string{"--client-configuration", noName}},
		"flags before Java": {words: []string{"--client-configuration", f.write("other.properties", "client.secure=true\nssl.trustStore.location=/nowhere.pem\nssl.keyStore.location=/nowhere.pem\n"), "--cafile", f.dir + "/ca.pem", "--cert", f.dir + "/me.pem"}},
		"environment": {env: map[string]string{"ZABRA_CLI_SERVER": addr, "ZABRA_CLI_CAFILE": f.dir + "/ca.pem",
			"ZABRA_CLI_CERT": f.dir + "/me.crt", "ZABRA_CLI_KEY": f.dir + "/me.key"}},
		"environment, Java's": {env: map[string]string{"ZABRA_CLI_CLIENT_CONFIGURATION": java}},
		"flag before environment": {words: []string{"--cafile", f.dir + "/ca.pem"}, env: map[string]string{
			"ZABRA_CLI_CAFILE": "/nowhere", "ZABRA_CLI_CERT": f.dir + "/me.pem"}},
	} {
		t.Run(name, func(t *testing.T) { w.try(t, addr, "x509: CN=me") })
	}
	// zkCli's own spelling.
	if out, errs, code := zabra(t, "cli", "-client-configuration", java, "-server", addr, "whoami"); code != 0 || !strings.Contains(out, "x509: CN=me") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	for _, tc := range []struct {
		words []string
		code  int
		says  string
	}{
		{[]string{"--cafile", f.dir + "/ca.pem", "--cert", f.dir + "/me.pem", "--tls-server-name", "zk.example"}, cli.ExitNoConn, "zk.example"},
		{[]string{"--cert", f.dir + "/me.pem"}, cli.ExitNoConn, "unknown authority"},
		{[]string{"--cafile", f.dir + "/ca.pem"}, cli.ExitNoConn, ""}, // no certificate to show
		{[]string{}, cli.ExitNoConn, addr},
		{[]string{"--cafile", f.dir + "/me.key"}, exitUsage, "me.key: there is no PEM certificate in it"},
		{[]string{"--cafile", f.dir + "/none"}, exitUsage, "--cafile"},
		{[]string{"--cert", f.dir + "/ca.pem"}, exitUsage, "--cert " + f.dir + "/ca.pem"},
		{[]string{"--key", f.dir + "/me.key"}, exitUsage, "--cert"},
		{[]string{"--client-configuration", f.write("crl", "client.secure=true\nssl.crl=true\n")}, exitUsage, "ssl.crl"},
		{[]string{"--client-configuration", f.write("gone", "client.secure=true\nssl.trustStore.location=/none.pem\n")}, exitUsage, "ssl.trustStore.location: /none.pem"},
	} {
		// A machine that is busy may not come to an answer in a second.
		for patience := time.Second; ; patience *= 3 {
			args := append([]string{"cli", "--connect-timeout", patience.String(), "--server", addr}, tc.words...)
			out, errs, code := zabra(t, append(args, "whoami")...)
			if code == tc.code && strings.Contains(errs, tc.says) {
				break
			}
			if patience > time.Minute || !strings.Contains(errs, "no answer so far") {
				t.Errorf("%q: %d %q %q", tc.words, code, out, errs)
				break
			}
		}
	}
}

// zabra status says what to do about a port that speaks no TLS.
func TestStatusOfAPortWithoutTLS(t *testing.T) {
	s := testserver.Start(t)
	out, _, code := zabra(t, "status", "--timeout", "6s", "--server", s.Addr(), "--tls")
	if code != exitDown || !strings.Contains(out, "it speaks no TLS at this port") {
		t.Errorf("%d %q", code, out)
	}
}

// All commands prove by SASL who they are, however they are told to.
func TestCommandsBySASL(t *testing.T) {
	f := newFiles(t)
	jaas := f.write("server.jaas", `Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="s3cret"; };`)
	s := testserver.Start(t, "java.security.auth.login.config="+jaas, "sessionRequireClientSASLAuth=true",
		"authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider")
	const module = ` { org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="s3cret"; };`
	clients := f.write("client.jaas", "Client"+module)
	for name, w := range map[string]way{
		"password in a file": {words: []string{"--sasl-user", "bob", "--sasl-password-file", f.write("password", "s3cret\n")}},
		"password in the environment": {words: []string{"--sasl-user", "bob"},
			env: map[string]string{"ZABRA_CLI_SASL_PASSWORD": "s3cret"}},
		"environment": {env: map[string]string{"ZABRA_CLI_SASL_USER": "bob", "ZABRA_CLI_SASL_PASSWORD": "s3cret"}},
		"JAAS":        {words: []string{"--jaas-file", clients}},
		"JAAS, named by a client's configuration": {words: []string{"--client-configuration",
			f.write("client.properties", "java.security.auth.login.config="+f.write("other.jaas", "Other"+module)+"\nzookeeper.sasl.clientconfig=Other\n")}},
	} {
		t.Run(name, func(t *testing.T) { w.try(t, s.Addr(), "sasl: bob") })
	}
	t.Setenv("ZABRA_CLI_SASL_PASSWORD", "")
	for _, tc := range []struct {
		words []string
		code  int
		says  string
	}{
		{nil, cli.ExitAuth, ""},
		{[]string{"--sasl-user", "bob", "--sasl-password-file", f.write("wrong", "gue55")}, cli.ExitAuth, ""},
		{[]string{"--client-configuration", f.write("off", "java.security.auth.login.config="+clients+"\nsasl.client=false\n")}, cli.ExitAuth, ""},
		{[]string{"--sasl-user", "bob"}, exitUsage, "ZABRA_CLI_SASL_PASSWORD"},
		{[]string{"--sasl-user", "bob", "--sasl-password-file", f.write("empty", "\n")}, exitUsage, "empty"},
		{[]string{"--sasl-password-file", f.dir + "/wrong"}, exitUsage, "--sasl-user"},
		{[]string{"--jaas-file", f.dir + "/none"}, exitUsage, "none: no such file"},
		{[]string{"--jaas-file", jaas}, exitUsage, `no section "Client"`},
		{[]string{"--jaas-file", f.write("krb", `Client { com.sun.security.auth.module.Krb5LoginModule required; };`)}, exitUsage, "Kerberos"},
	} {
		args := append([]string{"cli", "--server", s.Addr()}, tc.words...)
		out, errs, code := zabra(t, append(args, "ls", "/")...)
		if code != tc.code || !strings.Contains(errs, tc.says) || strings.Contains(errs, "s3cret") || strings.Contains(errs, "gue55") {
			t.Errorf("%q: %d %q %q", tc.words, code, out, errs)
		}
	}
}

// Identities stand in a flag, a file or the environment.
func TestCommandsWithIdentities(t *testing.T) {
	s, f := testserver.Start(t), newFiles(t)
	c, err := client.Open(t.Context(), s.Addr(), client.Options{Auth: []client.Auth{{Scheme: "digest", Data: []byte("bob:s3cret")}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	mine := client.WithACL(client.Creator(client.PermAll)...)
	for _, path := range []string{"/mine", "/mine/l", "/mine/s", "/mine/s/web"} {
		if _, err := c.Create(t.Context(), path, nil, mine); err != nil {
			t.Fatal(err)
		}
	}
	commands := [][]string{{"cli", "ls", "/mine"}, {"lock", "/mine/l", "--", "true"}, {"elect", "/mine/l", "--", "true"},
		{"register", "--address", "10.0.0.1:80", "--base", "/mine/s", "web", "--", "sleep"}}
	file := f.write("auth", "# who we are\n\ndigest:eve:no\ndigest:bob:s3cret\n")
	for name, w := range map[string]way{
		"flag":        {words: []string{"--auth", "digest:bob:s3cret"}},
		"file":        {words: []string{"--auth-file", file}},
		"environment": {env: map[string]string{"ZABRA_CLI_AUTH": "digest:bob:s3cret"}},
		"nobody":      {},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range w.env {
				t.Setenv(name, value)
			}
			for _, words := range commands {
				args := append([]string{words[0], "--server", s.Addr()}, w.words...)
				if words[0] == "register" { // its command is ended when it is refused
					words = append(slices.Clone(words), map[bool]string{true: "60", false: "0.3"}[name == "nobody"])
				}
				if out, errs, code := zabra(t, append(args, words[1:]...)...); (code == 0) != (name != "nobody") {
					t.Errorf("%q: %d %q %q", words, code, out, errs)
				}
			}
		})
	}
	for _, command := range []string{"cli", "lock", "elect", "register", "status"} {
		for _, words := range [][]string{{"--auth", "s3cret"}, {"--auth-file", f.write("bad", "digest:a:b\ns3cret\n")}, {"--auth-file", "/none"}} {
			args := append(append([]string{command}, words...), "/l", "--", "true")
			switch command {
			case "register":
				args = append(append([]string{command}, words...), "--address", "10.0.0.1:80", "l")
			case "status":
				args = append([]string{command}, words...)
			}
			_, errs, code := zabra(t, args...)
			if code != exitUsage || !strings.Contains(errs, words[0]) || strings.Contains(errs, "s3cret") {
				t.Errorf("%q: %d %q", args, code, errs)
			}
		}
	}
}
