package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// A session is a connection with the goroutines that receive and ping.
type session struct {
	c       *rawclient.Conn
	server  string
	replies chan reply
	dead    chan struct{} // closed when the connection has ended
	err     error         // why; set before dead is closed
}

type reply struct {
	head wire.ReplyHeader
	body []byte
}

// openSession tries the servers in turn.
func openSession(ctx context.Context, cfg *Config, onEvent func(rawclient.Event)) (*session, error) {
	var errs []error
	for _, addr := range cfg.Servers {
		o := rawclient.Options{Timeout: cfg.Timeout, ReadOnly: cfg.ReadOnly, OnEvent: onEvent}
		dialCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
		c, err := rawclient.Dial(dialCtx, addr, o)
		cancel()
		if err == nil {
			s := &session{c: c, server: addr, replies: make(chan reply), dead: make(chan struct{})}
			go s.receive()
			go s.keepAlive()
			return s, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// receive hands replies to whoever waits in do, until the connection ends.
func (s *session) receive() {
	defer close(s.dead)
	for {
		head, body, err := s.c.Recv()
		if err != nil {
			s.err = err
			s.c.Abandon()
			return
		}
		s.replies <- reply{head, bytes.Clone(body)}
	}
}

func (s *session) keepAlive() {
	t := time.NewTicker(max(s.c.Timeout/3, time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if s.c.Ping() != nil {
				return // receive has seen it too
			}
		case <-s.dead:
			return
		}
	}
}

// do sends a request and decodes the reply, either of which may be nil. A
// request that is given up because ctx ended ends the connection: its reply
// would be taken for that of the next one.
func (s *session) do(ctx context.Context, op wire.OpCode, req, resp wire.Record) error {
	s.c.Send(op, req)
	if err := s.c.Flush(); err != nil {
		return err
	}
	select {
	case r := <-s.replies:
		return decode(op, r, resp)
	case <-s.dead:
		return s.err
	case <-ctx.Done():
		s.c.Abandon()
		// receive may be about to hand the reply over.
		select {
		case <-s.replies:
		case <-s.dead:
		}
		return ctx.Err()
	}
}

func decode(op wire.OpCode, r reply, resp wire.Record) error {
	if r.head.Err != wire.OK {
		return r.head.Err
	}
	if resp == nil {
		return nil
	}
	d := wire.NewDecoder(r.body)
	resp.DecodeFrom(&d)
	if d.Err() != nil {
		return fmt.Errorf("reply to %v: %w", op, d.Err())
	}
	return nil
}

// ended reports that the connection is gone.
func (s *session) ended() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

// close ends the session in good order, within two seconds.
func (s *session) close() {
	if s.ended() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.do(ctx, wire.OpCloseSession, nil, nil) == nil {
		s.c.Abandon()
	}
	<-s.dead
}
