package status

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/zabra/zabra/wire"
)

// What a server says when it does not do what a word asks for.
var (
	errNotServing = errors.New("it runs, and serves nobody: it has no leader, or is still starting")
	errNotAllowed = errors.New("not in the whitelist")
)

const (
	notServing  = "This ZooKeeper instance is not currently serving requests"
	notExecuted = "is not executed because it is not in the whitelist"
)

// mostAnswer bounds what is read of an answer. mntr has some 50 KiB.
const mostAnswer = 4 << 20

// word asks a server for the answer to a four-letter word.
func (a *Asker) word(ctx context.Context, address, word string) (string, error) {
	nc, err := a.reach(ctx, address)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(nc, word); err != nil {
		return "", ended(ctx, err)
	}
	text, err := io.ReadAll(io.LimitReader(nc, mostAnswer))
	switch {
	case err != nil:
		return "", ended(ctx, err)
	case strings.HasPrefix(string(text), notServing):
		return "", errNotServing
	case strings.Contains(string(text[:min(len(text), 200)]), notExecuted):
		return "", errNotAllowed
	case len(text) == 0:
		return "", fmt.Errorf("it closed the connection without answering %s", word)
	}
	return string(text), nil
}

// reach connects to the port of clients.
func (a *Asker) reach(ctx context.Context, address string) (net.Conn, error) {
	nc, err := a.o.Dial(ctx, "tcp", address)
	if err != nil || a.o.TLS == nil {
		return nc, err
	}
	cfg := a.o.TLS.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(address) // it was dialled, and so can be split
	}
	secure := tls.Client(nc, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, explained(ctx, err)
	}
	return secure, nil
}

// explained says what to do about a port without TLS.
func explained(ctx context.Context, err error) error {
	var other tls.RecordHeaderError
	if errors.As(err, &other) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("it speaks no TLS at this port: give the one where it does with --server: %w", err)
	}
	return ended(ctx, err)
}

// ended says that time is over where that is the reason.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// srvr asks a server for what everybody may know.
func (a *Asker) srvr(ctx context.Context, address string) (*Server, error) {
	text, err := a.word(ctx, address, "srvr")
	if err != nil {
		return nil, err
	}
	s := new(Server)
	return s, s.parseSrvr(text)
}

// mntr asks it for more.
func (a *Asker) mntr(ctx context.Context, address string) (*Server, error) {
	text, err := a.word(ctx, address, "mntr")
	if err != nil {
		return nil, err
	}
	s := new(Server)
	s.parseMntr(text)
	return s, nil
}

// parseSrvr takes the answer to srvr.
func (s *Server) parseSrvr(text string) error {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Zookeeper version":
			s.Version = value
		case "Latency min/avg/max":
			s.Latency = parseLatency(value)
		case "Connections":
			s.Connections = number(value)
		case "Outstanding":
			s.Outstanding = number(value)
		case "Zxid":
			z, err := strconv.ParseUint(strings.TrimPrefix(value, "0x"), 16, 64)
			if err != nil {
				return fmt.Errorf("srvr: zxid %.30q", value)
			}
			s.setZxid(wire.Zxid(z))
		case "Mode":
			s.Role = value
		case "Node count":
			s.Nodes = number(value)
		}
	}
	if s.Role == "" {
		return fmt.Errorf("it is no ZooKeeper server: it answers srvr with %.60q", text)
	}
	return nil
}

func parseLatency(text string) *Latency {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return nil
	}
	least, err1 := strconv.ParseInt(parts[0], 10, 64)
	avg, err2 := strconv.ParseFloat(parts[1], 64)
	most, err3 := strconv.ParseInt(parts[2], 10, 64)
	if errors.Join(err1, err2, err3) != nil {
		return nil
	}
	return &Latency{least, avg, most}
}

// number is nil for what is none. Some servers print whole numbers as 3.0.
func number(text string) *int64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != f || f > 1<<62 || f < -1<<62 {
		return nil
	}
	n := int64(f)
	return &n
}

// parseMntr takes what srvr does not tell from the answer to mntr.
func (s *Server) parseMntr(text string) {
	facts := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			facts[strings.TrimPrefix(key, "zk_")] = value
		}
	}
	s.monitor(facts)
}

// monitor takes what mntr and the admin command monitor tell, under the same names.
func (s *Server) monitor(facts map[string]string) {
	s.UptimeMS = number(facts["uptime"])
	s.PeerState = facts["peer_state"]
	if facts["server_state"] == leader {
		s.SyncedFollowers = number(facts["synced_followers"])
	}
}
