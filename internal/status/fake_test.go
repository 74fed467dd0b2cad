package status

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A fake is a server of a few words and one znode.
type fake struct {
	mu     sync.Mutex
	id     byte
	config string            // "" refuses sessions
	words  map[string]string // "" closes the connection
	asked  map[string]int

	silent atomic.Bool // accepts connections, and says nothing
}

// notListed is what servers say of a word outside of their whitelist.
func notListed(word string) string {
	return word + " is not executed because it is not in the whitelist.\n"
}

func srvr(mode string, zxid wire.Zxid) string {
	return fmt.Sprintf("Zookeeper version: 3.9.5-0123456789012345678901234567890123456789, built on 2026-02-11 20:18 UTC\n"+
		"Latency min/avg/max: 0/0.25/17\nReceived: 9\nSent: 8\nConnections: 3\nOutstanding: 2\nZxid: %v\nMode: %s\nNode count: 5\n", zxid, mode)
}

const mntr = "zk_version\t3.9.5\nzk_server_state\tleader\nzk_peer_state\tleading - broadcast\nzk_uptime\t93784000\nzk_synced_followers\t2\nzk_p99_x\tNaN\n"

// run starts a fake and returns its address.
func (f *fake) run(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.asked = map[string]int{}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				defer context.AfterFunc(ctx, func() { nc.Close() })()
				if f.silent.Load() {
					<-ctx.Done()
					return
				}
				f.serve(nc)
			})
		}
	})
	return ln.Addr().String()
}

// say changes what the fake says to a word.
func (f *fake) say(word, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.words[word] = text
}

func (f *fake) said(word string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[word]
}

func (f *fake) serve(nc net.Conn) {
	var head [4]byte
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		return
	}
	f.mu.Lock()
	text, isWord := f.words[string(head[:])]
	f.asked[string(head[:])]++
	config := f.config
	f.mu.Unlock()
	switch {
	case isWord:
		io.WriteString(nc, text)
	case config != "":
		f.session(nc, binary.BigEndian.Uint32(head[:]), config)
	}
}

// session speaks enough of the protocol for one read.
func (f *fake) session(nc net.Conn, n uint32, config string) {
	if _, err := io.CopyN(io.Discard, nc, int64(n)); err != nil {
		return
	}
	r := wire.ConnectResponse{Timeout: 10000, Session: wire.SessionID(uint64(f.id)<<56 | 7), Passwd: make([]byte, wire.PasswdLen), HasReadOnly: true}
	b, mark := wire.BeginFrame(nil)
	nc.Write(wire.EndFrame(r.AppendTo(b), mark))
	for {
		var head [12]byte
		if _, err := io.ReadFull(nc, head[:]); err != nil {
			return
		}
		io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(head[:]))-8)
		h := wire.ReplyHeader{Xid: wire.Xid(int32(binary.BigEndian.Uint32(head[4:]))), Zxid: 1}
		var body wire.Record
		if wire.OpCode(binary.BigEndian.Uint32(head[8:])) == wire.OpGetData {
			body = &wire.GetDataResponse{Data: []byte(config)}
		}
		nc.Write(wire.AppendReply(nil, h, body))
	}
}

// An ensemble is fakes behind names: hosts of their own with the same port.
type ensemble map[string]string

func (e ensemble) dial(ctx context.Context, network, address string) (net.Conn, error) {
	to, ok := e[address]
	if !ok {
		return nil, errors.New("connection refused")
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

// membersText is a configuration as it is where zoo.cfg has a clientPort.
func membersText(hosts ...string) string {
	var b strings.Builder
	for i, h := range hosts {
		fmt.Fprintf(&b, "server.%d=%s:2888:3888:participant\n", i+1, h)
	}
	return b.String() + "version=0"
}
