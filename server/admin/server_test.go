package admin

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// serve runs the admin server on a port of its own until the test ends.
func serve(t *testing.T, a *Admin, mode TLSMode, config *tls.Config, onPlain func()) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := NewServer(a.Handler(), 0, zap.NewNop())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(Secure(l, mode, config, onPlain)) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve ended with %v", err)
		}
	})
	return l.Addr().String()
}

// certificates returns a server's and a client's configuration that trust each
// other.
func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "admin"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	pair := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	server = &tls.Config{Certificates: pair, ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven}
	client = &tls.Config{Certificates: pair, RootCAs: pool, NextProtos: []string{"h2", "http/1.1"}}
	return server, client
}

func TestTLSModes(t *testing.T) {
	server, client := certificates(t)
	for _, tc := range []struct {
		mode       TLSMode
		http, tls  bool
		countPlain int32
	}{
		{PlainOnly, true, false, 0},
		{TLSOnly, false, true, 0},
		{PlainAndTLS, true, true, 1},
	} {
		var plain atomic.Int32
		addr := serve(t, newAdmin(standalone()), tc.mode, server, func() { plain.Add(1) })
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: client, DisableKeepAlives: true}}
		for scheme, want := range map[string]bool{"http": tc.http, "https": tc.tls} {
			resp, err := c.Get(scheme + "://" + addr + "/commands/ruok")
			got := err == nil && resp.StatusCode == http.StatusOK
			if got != want {
				t.Errorf("mode %d: %s works: %v (%v), want %v", tc.mode, scheme, got, err, want)
			}
			if err == nil {
				if resp.ProtoMajor != 1 {
					t.Errorf("mode %d: %s speaks %s", tc.mode, scheme, resp.Proto)
				}
				resp.Body.Close()
			}
		}
		if got := plain.Load(); got != tc.countPlain {
			t.Errorf("mode %d: %d plain connections counted, want %d", tc.mode, got, tc.countPlain)
		}
	}
}

func TestClientCertificateReachesTheNode(t *testing.T) {
	server, client := certificates(t)
	for _, mode := range []TLSMode{TLSOnly, PlainAndTLS} {
		n := standalone()
		addr := serve(t, newAdmin(n), mode, server, nil)
		req, err := http.NewRequest("GET", "https://"+addr+"/commands/snapshot", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "x509")
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: client, DisableKeepAlives: true}}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if len(n.asked.Certs) == 0 || n.asked.Certs[0].Subject.CommonName != "admin" {
			t.Errorf("mode %d: the node was asked about %v", mode, n.asked.Certs)
		}
	}
}

// A connection that sends nothing holds up no other.
func TestSilentConnectionBlocksNobody(t *testing.T) {
	server, _ := certificates(t)
	addr := serve(t, newAdmin(standalone()), PlainAndTLS, server, nil)
	silent, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	resp, err := http.Get("http://" + addr + "/commands/ruok")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// A pipeListener hands out connections in memory, so that time can be simulated.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{make(chan net.Conn), make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// bubble runs f with a server whose time is simulated.
func bubble(t *testing.T, a *Admin, idle time.Duration, f func(dial func() net.Conn)) {
	synctest.Test(t, func(*testing.T) {
		l := newPipeListener()
		srv := NewServer(a.Handler(), idle, zap.NewNop())
		go srv.Serve(l)
		f(l.dial)
		srv.Close()
		synctest.Wait()
	})
}

func TestDribblingHeaderIsCutOff(t *testing.T) {
	bubble(t, newAdmin(standalone()), 0, func(dial func() net.Conn) {
		c := dial()
		go func() {
			for {
				if _, err := c.Write([]byte("G")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		start := time.Now()
		io.Copy(io.Discard, c)
		if took := time.Since(start); took > headerTimeout+time.Second {
			t.Errorf("a header of a byte a second was read for %v, want %v", took, headerTimeout)
		}
		c.Close()
		time.Sleep(2 * time.Second) // the writer's last sleep
	})
}

// A restore may take far longer than the idle timeout as long as bytes come, and
// is given up when they do not.
func TestSlowRestoreIsNotCutOff(t *testing.T) {
	const idle = 30 * time.Second
	n := standalone()
	bubble(t, newAdmin(n, func(o *Options) { o.IdleTimeout = idle }), idle, func(dial func() net.Conn) {
		c := dial()
		io.WriteString(c, "POST /commands/restore HTTP/1.1\r\nHost: x\r\nAuthorization: digest super:secret\r\nContent-Length: 20\r\n\r\n")
		for range 20 {
			time.Sleep(idle - time.Second)
			if _, err := c.Write([]byte("x")); err != nil {
				t.Errorf("the server gave up: %v", err)
				return
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("answer %v, %v", resp, err)
			return
		}
		if string(n.restored) != strings.Repeat("x", 20) {
			t.Errorf("restored %q", n.restored)
		}
		c.Close()
	})

	n = standalone()
	bubble(t, newAdmin(n, func(o *Options) { o.IdleTimeout = idle }), idle, func(dial func() net.Conn) {
		c := dial()
		io.WriteString(c, "POST /commands/restore HTTP/1.1\r\nHost: x\r\nAuthorization: digest super:secret\r\nContent-Length: 20\r\n\r\nxx")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 500 {
			t.Errorf("a body that stops: answer %v, %v, want 500", resp, err)
		}
		c.Close()
	})
}

// Who may not restore is told so at once, not when all that was announced has come, or
// the time for it is up.
func TestRefusedRestoreIsAnsweredAtOnce(t *testing.T) {
	const idle = 30 * time.Second
	bubble(t, newAdmin(standalone(), func(o *Options) { o.IdleTimeout = idle }), idle, func(dial func() net.Conn) {
		c := dial()
		began := time.Now()
		io.WriteString(c, "POST /commands/restore HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nZKSN")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 401 {
			t.Errorf("answer %v, %v", resp, err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		c.Close()
		time.Sleep(time.Second) // the server waits a little before it closes its side
	})
}

// A slow reader gets all of a large snapshot, and one that has stopped reading is
// let go.
func TestSlowDownloadIsNotCutOff(t *testing.T) {
	const idle = 30 * time.Second
	n := standalone()
	n.snapshot = make([]byte, 1<<20)
	bubble(t, newAdmin(n, func(o *Options) { o.IdleTimeout = idle }), idle, func(dial func() net.Conn) {
		c := dial()
		io.WriteString(c, "GET /commands/snapshot HTTP/1.1\r\nHost: x\r\nAuthorization: digest super:secret\r\n\r\n")
		total := 0
		buf := make([]byte, 64<<10)
		for total < 1<<20 {
			time.Sleep(idle / 4)
			got, err := c.Read(buf)
			total += got
			if err != nil {
				break
			}
		}
		c.Close()
		if total < 1<<20 {
			t.Errorf("only %d bytes came", total)
		}

		c = dial()
		io.WriteString(c, "GET /commands/snapshot HTTP/1.1\r\nHost: x\r\nAuthorization: digest super:secret\r\n\r\n")
		c.Read(buf)
		time.Sleep(2 * idle)
		rest, _ := io.Copy(io.Discard, c)
		if rest >= 1<<20 {
			t.Error("a reader that stopped was waited for")
		}
		c.Close()
	})
}
