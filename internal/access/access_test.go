package access

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The commands of cmd/zabra are tested with servers; here is what needs none.
func TestNothingSaidIsNothingAsked(t *testing.T) {
	o, err := new(Access).Options()
	if err != nil || o.TLS != nil || o.SASL != nil || o.Auth != nil {
		t.Errorf("%+v %v", o, err)
	}
	o, err = (&Access{ConfigFile: write(t, "p", "zookeeper.client.secure=false\nssl.trustStore.location=/none\nunknown=x\n")}).Options()
	if err != nil || o.TLS != nil {
		t.Errorf("%+v %v", o, err)
	}
}

func TestJavaConfig(t *testing.T) {
	a := Access{ConfigFile: write(t, "p", `
client.secure=TRUE
zookeeper.ssl.keyStore.location=/k.jks
zookeeper.ssl.keyStore.password=s3cret
ssl.keyStore.type=PKCS12
ssl.trustStore.location=/t
ssl.trustStore.passwordPath=/p
ssl.enabledProtocols=TLSv1.3, TLSv1.2
ssl.ciphersuites=A,,B
ssl.hostnameVerification=false
sasl.clientconfig=Mine
java.security.auth.login.config=/jaas
client.secure=true
`)}
	j, err := a.javaConfig()
	if err != nil {
		t.Fatal(err)
	}
	typed(&j.ssl.KeyStore)
	typed(&j.ssl.TrustStore)
	k := j.ssl.KeyStore
	if !j.secure || k.Location != "/k.jks" || k.Password.Reveal() != "s3cret" || k.Type != "PKCS12" || j.ssl.TrustStore.PasswordPath != "/p" ||
		j.ssl.TrustStore.Type != "PEM" || j.ssl.HostnameVerification || j.section != "Mine" || j.jaasFile != "/jaas" || j.noSASL {
		t.Errorf("%+v", j)
	}
	if got := fmt.Sprint(j.ssl.EnabledProtocols, j.ssl.CipherSuites); got != "[TLSv1.3 TLSv1.2] [A B]" {
		t.Error(got)
	}
}

func TestBounds(t *testing.T) {
	large := write(t, "large", strings.Repeat("x", maxFile+1))
	for _, a := range []Access{{AuthFile: large}, {ConfigFile: large}, {JAASFile: large}, {CA: large}, {SASLUser: "u", SASLPasswordFile: large}} {
		if _, err := a.Options(); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
			t.Error(err)
		}
	}
}

// Nothing that holds secrets prints them.
func TestSecretsAreNotShown(t *testing.T) {
	a := Access{Auth: []string{"digest:u:s3cret"}, SASLUser: "u", SASLPassword: "s3cret",
		AuthFile: write(t, "a", "digest:v:s3cret\n"), ConfigFile: write(t, "c", "ssl.keyStore.password=s3cret\n")}
	o, err := a.Options()
	if err != nil || len(o.Auth) != 2 || string(o.Auth[1].Data) != "v:s3cret" {
		t.Fatal(o, err)
	}
	j, err := a.javaConfig()
	if s := fmt.Sprintf("%v %+v %#v %v %+v %#v %+v %#v", a, a, a, o, o, o.Auth, j.ssl, j.ssl) + fmt.Sprint(o.SASL, &a, err); strings.Contains(s, "s3cret") {
		t.Error(s)
	}
}

// FuzzClientConfiguration reads any text.
func FuzzClientConfiguration(f *testing.F) {
	f.Add("client.secure=true\nssl.ciphersuites=a\n")
	f.Add("sasl.clientconfig=X\n\\u00")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "p")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a := Access{ConfigFile: path}
		if j, err := a.javaConfig(); (j == nil) == (err == nil) {
			t.Error(j, err)
		}
	})
}
