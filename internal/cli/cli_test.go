package cli

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/internal/bench/floor"
	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                        nil,
		" \t ":                    nil,
		"ls /":                    {"ls", "/"},
		"  ls   -s\t/ ":           {"ls", "-s", "/"},
		`set /a "two words"`:      {"set", "/a", "two words"},
		`set /a 'it"s'`:           {"set", "/a", `it"s`},
		`set /a ''`:               {"set", "/a", ""},
		`set /a pre"mid dle"post`: {"set", "/a", "premid dlepost"},
	} {
		if got, err := words(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("words(%q) = %q, %v; want %q", line, got, err, want)
		}
	}
	if _, err := words(`set /a "open`); err != errOpenQuote {
		t.Errorf("an open quote: %v", err)
	}
}

func TestACLText(t *testing.T) {
	const text = "world:anyone:cdrwa,digest:bob:h=:rw,ip:10.0.0.0/8:"
	acl, err := parseACL(text)
	if err != nil {
		t.Fatal(err)
	}
	want := "'world,'anyone\n: cdrwa\n'digest,'bob:h=\n: rw\n'ip,'10.0.0.0/8\n: \n"
	if got := aclText(acl); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{"", "world", "world:anyone", "world:anyone:x", "world:anyone:r,"} {
		if acl, err := parseACL(bad); err == nil {
			t.Errorf("%q is accepted as %v", bad, acl)
		}
	}
}

func TestDataThatIsNotText(t *testing.T) {
	for _, tc := range []struct {
		data           []byte
		encoding, text string
	}{
		{nil, "null", ""},
		{[]byte{}, "utf-8", ""},
		{[]byte("é"), "utf-8", "é"},
		{[]byte{0xff, 0}, "base64", "/wA="},
	} {
		var n nodeJSON
		n.setData(tc.data)
		if n.Encoding != tc.encoding || (n.Data != nil) != (tc.data != nil) || n.Data != nil && *n.Data != tc.text {
			t.Errorf("%q: %q, %v", tc.data, n.Encoding, n.Data)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	if got := about("/a", wire.NoNode).Error(); got != "Node does not exist: /a" {
		t.Error(got)
	}
	if got := about("/a", wire.MarshallingError).Error(); got != "MarshallingError for /a" {
		t.Error(got)
	}
	if about("/a", io.EOF) != io.EOF || about("/a", nil) != nil {
		t.Error("an error that is no code has changed")
	}
}

// When the connection is lost the next command says so and has a new session.
func TestNewSessionAfterALoss(t *testing.T) {
	s, err := floor.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr()
	var out, errOut bytes.Buffer
	sh, err := Open(t.Context(), Config{Servers: []string{addr}, Timeout: time.Minute, Out: &out, Err: &errOut})
	if err != nil {
		t.Fatal(err)
	}
	defer sh.Close()
	if err := sh.Run(t.Context(), []string{"create", "/a"}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	<-sh.sess.dead
	if err := sh.Run(t.Context(), []string{"create", "/a"}); err == nil {
		t.Error("a command without a server succeeds")
	}
	if s, err = floor.Listen(addr); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := sh.Run(t.Context(), []string{"create", "/b"}); err != nil {
		t.Error(err)
	}
	if got := errOut.String(); !strings.Contains(got, "this is a new session\nCreated /b\n") {
		t.Errorf("stderr %q", got)
	}
}

// pipeSession is a session over a pipe whose other end the test plays.
func pipeSession(t *testing.T, timeout int32) (*session, net.Conn) {
	client, srv := net.Pipe()
	t.Cleanup(func() { client.Close(); srv.Close() })
	go func() {
		io.ReadFull(srv, make([]byte, 4+45))
		b, mark := wire.BeginFrame(nil)
		resp := wire.ConnectResponse{Timeout: timeout, Session: 1, Passwd: make([]byte, 16), HasReadOnly: true}
		srv.Write(wire.EndFrame(resp.AppendTo(b), mark))
	}()
	c, err := rawclient.NewConn(client, rawclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{c: c, replies: make(chan reply), dead: make(chan struct{})}
	go s.receive()
	go s.keepAlive()
	return s, srv
}

func readOp(t *testing.T, srv net.Conn) wire.RequestHeader {
	t.Helper()
	b := make([]byte, 12)
	if _, err := io.ReadFull(srv, b); err != nil {
		t.Fatal(err)
	}
	var h wire.RequestHeader
	d := wire.NewDecoder(b[4:])
	h.DecodeFrom(&d)
	return h
}

func TestASessionThatIsIdlePings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, srv := pipeSession(t, 30000)
		begun := time.Now()
		for i := range 3 {
			if h := readOp(t, srv); h.Op != wire.OpPing {
				t.Errorf("sent %v", h.Op)
			}
			if got, want := time.Since(begun), time.Duration(i+1)*10*time.Second; got != want {
				t.Errorf("ping after %v, want %v", got, want)
			}
		}
		srv.Close()
		<-s.dead
	})
}

// A command that is given up does not leave its reply for the next one.
func TestACommandThatIsGivenUpEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, srv := pipeSession(t, 30000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go io.ReadFull(srv, make([]byte, 12))
		if err := s.do(ctx, wire.OpWhoAmI, nil, nil); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		<-s.dead
		if !s.ended() {
			t.Error("the connection lives")
		}
	})
}
