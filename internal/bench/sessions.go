package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// openSessions opens n sessions, several at a time.
func openSessions(ctx context.Context, o *Options, n int, seen wire.Zxid, done func(int)) ([]net.Conn, []wire.ConnectResponse, error) {
	const parallel = 16
	links := make([]net.Conn, n)
	sessions := make([]wire.ConnectResponse, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(parallel, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				var err error
				links[i], sessions[i], err = openWhenCaughtUp(ctx, o, i, seen)
				if err != nil {
					cancel(err)
					return
				}
				done(1)
			}
		})
	}
	wg.Wait()
	if ctx.Err() == nil {
		return links, sessions, nil
	}
	for _, l := range links {
		if l != nil {
			l.Close()
		}
	}
	return nil, nil, fmt.Errorf("open %d sessions: %w", n, context.Cause(ctx))
}

// openWhenCaughtUp opens session i. A server that has not seen the preparation
// yet hangs up; it is asked again.
func openWhenCaughtUp(ctx context.Context, o *Options, i int, seen wire.Zxid) (net.Conn, wire.ConnectResponse, error) {
	addr := o.Servers[i%len(o.Servers)]
	for attempt := 1; ; attempt++ {
		nc, resp, err := openSession(ctx, addr, i, rawclient.Options{Timeout: o.Timeout, LastZxidSeen: seen})
		if err == nil || attempt == 10 || ctx.Err() != nil || !errors.Is(err, io.EOF) {
			return nc, resp, err
		}
		time.Sleep(time.Duration(attempt) * 20 * time.Millisecond)
	}
}

// openSession connects and opens a session without a byte more of memory than
// it needs: there may be a hundred thousand.
func openSession(ctx context.Context, addr string, i int, ro rawclient.Options) (net.Conn, wire.ConnectResponse, error) {
	var resp wire.ConnectResponse
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: localAddr(addr, i), KeepAlive: -1}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, resp, err
	}
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	if resp, err = handshake(nc, ro); err != nil {
		nc.Close()
		return nil, resp, fmt.Errorf("open a session at %s: %w", addr, err)
	}
	nc.SetDeadline(time.Time{})
	return nc, resp, nil
}

func handshake(nc net.Conn, ro rawclient.Options) (wire.ConnectResponse, error) {
	if _, err := nc.Write(rawclient.AppendConnect(nil, ro)); err != nil {
		return wire.ConnectResponse{}, err
	}
	var b [4 + 37]byte // the answer to a request with a readOnly byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return wire.ConnectResponse{}, err
	}
	return rawclient.DecodeConnect(b[4:])
}

// portsPerAddress is how many connections leave from one address: fewer than a
// system has ephemeral ports.
const portsPerAddress = 20000

// localAddr spreads very many connections to a server on this machine over the
// addresses 127.0.0.2 and up, since ports are per pair of addresses.
func localAddr(addr string, i int) net.Addr {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || i < portsPerAddress {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || ip.To4() == nil || !ip.IsLoopback() {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(min(1+i/portsPerAddress, 250)))}
}
