package bufconn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// Bytes arrive in order, whole, and both ways at once, whatever the sizes of reads and
// writes.
func TestStreams(t *testing.T) {
	a, b := Pair()
	data := make([]byte, 3<<20)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	want := sha256.Sum256(data)
	var wg sync.WaitGroup
	for seed, ends := range [][2]*Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(seed), 2))
			for rest := data; len(rest) > 0; {
				n := min(1+rng.IntN(3*room), len(rest))
				k, err := ends[0].Write(rest[:n])
				if k != n || err != nil {
					t.Error(k, n, err)
				}
				rest = rest[n:]
			}
			ends[0].CloseWrite()
		})
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(seed), 3))
			h := sha256.New()
			buf := make([]byte, 2*room)
			for {
				n, err := ends[1].Read(buf[:1+rng.IntN(len(buf)-1)])
				h.Write(buf[:n])
				if err != nil {
					if err != io.EOF || !bytes.Equal(h.Sum(nil), want[:]) {
						t.Error(err, "or other bytes")
					}
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestTryWriteDoesNotWait(t *testing.T) {
	a, b := Pair()
	if n, err := a.TryWrite(make([]byte, 2*room)); n != room || err != nil {
		t.Error(n, err)
	}
	if n, err := a.TryWrite([]byte("x")); n != 0 || err != nil {
		t.Error(n, err)
	}
	io.ReadFull(b, make([]byte, 10))
	if n, err := a.TryWrite(make([]byte, 100)); n != 10 || err != nil {
		t.Error(n, err)
	}
}

func TestClose(t *testing.T) {
	a, b := Pair()
	a.Write([]byte("last words"))
	waiting := make(chan error)
	go func() { _, err := a.Read(make([]byte, 1)); waiting <- err }()
	a.Close()
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if got, err := io.ReadAll(b); string(got) != "last words" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := b.Write([]byte("x")); err == nil {
		t.Error("nobody is there")
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	c, d := Pair()
	go func() { _, err := c.Write(make([]byte, 2*room)); waiting <- err }()
	d.Read(make([]byte, 1))
	d.Close()
	if err := <-waiting; err == nil {
		t.Error("a write that nobody reads")
	}
}

func TestDeadlines(t *testing.T) {
	a, b := Pair()
	waiting := make(chan error)
	go func() { _, err := a.Read(make([]byte, 1)); waiting <- err }()
	a.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if err := <-waiting; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	go func() { _, err := a.Write(make([]byte, 2*room)); waiting <- err }()
	b.Read(make([]byte, 1)) // it has begun
	a.SetDeadline(time.Unix(1, 0))
	if err := <-waiting; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	a.SetDeadline(time.Time{})
	if _, err := b.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, err := a.Read(make([]byte, 2)); n != 1 || err != nil {
		t.Error(n, err)
	}
}

func TestListener(t *testing.T) {
	l := Listen()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		io.Copy(c, c)
		c.Close()
	}()
	c, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("echo"))
	c.(*Conn).CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "echo" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	l.Close()
	l.Close()
	if _, err := l.Dial(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
