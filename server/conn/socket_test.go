package conn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
	"testing/quick"
	"time"
)

// An input gives back what was put in, in order, whatever the pieces; and holds no
// buffer while it is empty, nor one much larger than what is in it.
func TestInput(t *testing.T) {
	check := func(seed uint64) bool {
		rng := rand.New(rand.NewPCG(seed, 0))
		var in input
		var want []byte
		for range 200 {
			if rng.IntN(2) == 0 {
				room := in.space()
				n := rng.IntN(len(room) + 1)
				for i := range n {
					room[i] = byte(rng.Uint32())
				}
				want = append(want, room[:n]...)
				in.grew(n)
			} else if len(in.bytes()) > 0 {
				n := rng.IntN(len(in.bytes()) + 1)
				in.use(n)
				want = want[n:]
			}
			if !bytes.Equal(in.bytes(), want) {
				return false
			}
			if len(want) == 0 && in.buf != nil || cap(in.buf) > max(inputSize, 4*(len(want)+inputSize)) {
				return false
			}
		}
		return true
	}
	if !check(0x2f7b1153a08d915c) {
		t.Error("a large buffer is kept for a few bytes")
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}

// Abort leaves nothing to the system to be delivered, whatever the connection
// consists of.
func TestAbort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for name, over := range map[string]func(net.Conn) (socket, error){
		"tcp":    func(c net.Conn) (socket, error) { return newSocket(c, time.Second) },
		"stream": func(c net.Conn) (socket, error) { return stream{c, time.Second}, nil },
		"tls": func(c net.Conn) (socket, error) {
			return stream{tls.Server(&prefixed{c, nil}, serverTLS(t)), time.Second}, nil
		},
	} {
		peer, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
		_ = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		for err == nil { // more than the peer's side takes
			_, err = c.Write(make([]byte, 64<<10))
		}
		s, err := over(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Abort(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = peer.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, peer); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: the peer reads to %v, want a reset", name, err)
		}
	}
}
