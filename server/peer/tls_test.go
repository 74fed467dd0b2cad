package peer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
)

// selfSigned writes a PEM store with a key and its certificate for 127.0.0.1, which
// can be trusted as it is.
func selfSigned(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		Subject:     pkix.Name{CommonName: "servers"}, // Java takes no certificate without a name
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert})
	path := filepath.Join(t.TempDir(), "store.pem")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// secured is the transport of a server with the keys of store.
func secured(t testing.TB, store string, ssl, unify bool) Transport {
	t.Helper()
	c := &zoocfg.Config{TickTime: time.Second}
	c.QuorumTLS = zoocfg.TLS{
		KeyStore: zoocfg.Store{Location: store}, TrustStore: zoocfg.Store{Location: store},
		ClientAuth: "need", HostnameVerification: true, ClientHostnameVerification: true,
	}
	c.Ensemble.SSLQuorum, c.Ensemble.PortUnification = ssl, unify
	c.Ensemble.SyncLimit, c.Ensemble.CnxnTimeout = 5, -1
	tr, _, err := FromConfig(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestMigrationToTLS goes through the steps of a migration without downtime: at each
// a server before the step and one behind it reach each other.
func TestMigrationToTLS(t *testing.T) {
	store := selfSigned(t)
	steps := []struct {
		name       string
		ssl, unify bool
	}{{"plain", false, false}, {"plain, TLS accepted", false, true}, {"TLS, plain accepted", true, true}, {"TLS", true, false}}
	for i, from := range steps {
		for _, to := range steps[i:min(i+2, len(steps))] {
			for _, sids := range [][2]wire.SID{{1, 2}, {2, 1}} {
				noLeaks(t)
				a := newVoter(t, sids[0], nil, func(c *ElectionConfig) { c.Transport = secured(t, store, from.ssl, from.unify) })
				b := newVoter(t, sids[1], nil, func(c *ElectionConfig) { c.Transport = secured(t, store, to.ssl, to.unify) })
				acquaint(a, b)
				a.Send(b.sid, vote(1))
				b.hears(t, a.sid, 1)
				b.Send(a.sid, vote(2))
				a.hears(t, b.sid, 2)
			}
		}
	}
}

func TestPacketsOverTLS(t *testing.T) {
	noLeaks(t)
	tr := secured(t, selfSigned(t), true, false)
	leader, learner := pair(t, ConnOptions{}, tr, tr)
	leader.start()
	learner.start()
	var want []wire.QuorumPacket
	for z := range 200 {
		want = append(want, packet(wire.Zxid(z), 5000))
	}
	leader.Send(want...)
	learner.Send(want...)
	eventually(t, "all packets", func() bool { return leader.count() == 200 && learner.count() == 200 })
	checkPackets(t, leader.got, want)
	checkPackets(t, learner.got, want)
	leader.Finish(patience)
	learner.endsWith(t, io.EOF)
	leader.endsWith(t, io.EOF)
}

// Whoever shows another certificate, or none, or speaks no TLS, is not heard.
func TestStrangersOverTLS(t *testing.T) {
	noLeaks(t)
	v := newVoter(t, 1, nil, func(c *ElectionConfig) { c.Transport = secured(t, selfSigned(t), true, false) })
	stranger := newVoter(t, 2, nil, func(c *ElectionConfig) { c.Transport = secured(t, selfSigned(t), true, false) })
	acquaint(v, stranger)
	stranger.Send(1, vote(1))
	eventually(t, "a failure", func() bool { n, _ := stranger.down(1); return n > 0 })
	var unknown x509.UnknownAuthorityError
	if _, err := stranger.down(1); !errors.As(err, &unknown) {
		t.Errorf("unreachable because of %v", err)
	}
	nc := raw(t, v.addr)
	write(t, nc, append(initial(t, 2, "127.0.0.1:1"), frame(1)...))
	nc.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadAll(nc); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a plain connection is left open")
	}
	if got := v.all(2); len(got) > 0 {
		t.Errorf("heard %v", got)
	}
}

// A peer that stops in the middle of the TLS handshake is not waited for.
func TestSilenceInTheHandshake(t *testing.T) {
	noLeaks(t)
	tr := secured(t, selfSigned(t), true, false)
	tr.HandshakeTimeout = 100 * time.Millisecond
	v := newVoter(t, 1, nil, func(c *ElectionConfig) { c.Transport = tr })
	nc := raw(t, v.addr)
	write(t, nc, []byte{0x16, 3, 1})
	nc.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadAll(nc); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is left open")
	}
	ln := listen(t)
	defer ln.Close() // it accepts, and says nothing
	tr.DialTimeout = 100 * time.Millisecond
	w := newVoter(t, 2, nil, func(c *ElectionConfig) { c.Transport = tr })
	w.SetServers(map[wire.SID][]string{1: {ln.Addr().String()}})
	w.Send(1, vote(1))
	eventually(t, "a failure", func() bool { n, _ := w.down(1); return n > 0 })
}
