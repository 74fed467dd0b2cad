package peer

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// accepted finds out who has connected.
func (e *Election) accepted(nc net.Conn) {
	if !e.door.enter(nc) {
		return
	}
	e.mu.Lock()
	e.accepts++
	number := e.accepts
	e.mu.Unlock()
	e.wg.Go(func() {
		if err := e.greet(nc, number); err != nil {
			e.door.leave(nc)
			nc.Close()
			e.c.Log.Log(levelOf(err), "closed a connection to the election port", zap.Stringer("peer", nc.RemoteAddr()), zap.Error(err))
		}
	})
}

// Errors that end a connection to the election port.
var (
	errCrowded   = errors.New("peer: too many connections are open that have not said who they are")
	errBadID     = errors.New("peer: the dialler's id is negative")
	errOutdated  = errors.New("peer: a later connection of the same server was faster")
	errStrangers = errors.New("peer: too many connections of servers that do not belong to the ensemble")
)

// A namesakeError ends the connection of a dialler with this server's own id.
type namesakeError struct {
	id           wire.SID
	dialler, own string   // ends of the connection
	says         []string // where the dialler says that it listens
}

func (e *namesakeError) Error() string {
	return fmt.Sprintf("peer: two servers have the number %d: the one at %s, which listens at %s, and this one, at %s: correct the file myid of one of them",
		e.id, e.dialler, strings.Join(e.says, ", "), e.own)
}

// A selfError ends a connection of this server to itself.
type selfError struct {
	meant wire.SID
	own   string // where it was reached
}

func (e *selfError) Error() string {
	return fmt.Sprintf("peer: this server has reached itself at %s when it meant server %d: correct the address in the line server.%d",
		e.own, e.meant, e.meant)
}

// levelOf is that of a line about such an end.
func levelOf(err error) zapcore.Level {
	var namesake *namesakeError
	var self *selfError
	if errors.As(err, &namesake) || errors.As(err, &self) || errors.Is(err, errStrangers) {
		return zapcore.WarnLevel // somebody has to correct something
	}
	return zapcore.InfoLevel
}

// greet reads the initial message and does what it asks for.
func (e *Election) greet(raw net.Conn, number uint64) error {
	by := time.Now().Add(e.c.Transport.handshakeTimeout())
	raw.SetDeadline(by)
	nc, err := e.c.Transport.accepted(raw)
	if err != nil {
		return err
	}
	br := bufio.NewReaderSize(nc, initialBuffer)
	m, err := readInitial(br)
	if err != nil {
		return err
	}
	if err := e.c.Transport.SASL.accepted(nc, br, by); err != nil {
		return err
	}
	if !e.door.leave(raw) {
		return errCrowded
	}
	switch {
	case m.SID == e.c.Self:
		return e.ourself(raw, m.Addresses)
	case m.SID < 0:
		return errBadID
	case m.SID < e.c.Self:
		nc.Close()
		return e.called(raw, m)
	}
	nc.SetDeadline(time.Time{})
	return e.keep(m.SID, nc, br, number)
}

// ourself tells a connection of this server to itself from that of another one with the
// same id.
func (e *Election) ourself(nc net.Conn, says []string) error {
	dialler, own := nc.RemoteAddr().String(), nc.LocalAddr().String()
	e.mu.Lock()
	defer e.mu.Unlock()
	for sid, r := range e.remotes {
		if r.from == dialler {
			return &selfError{sid, own}
		}
	}
	return &namesakeError{e.c.Self, dialler, own, says}
}

// meets warns of a server that is connected from one machine while it connects from
// another. e.mu is held.
func (e *Election) meets(r *remote, nc net.Conn) {
	if r.link == nil {
		return
	}
	old, now := r.link.nc.RemoteAddr(), nc.RemoteAddr()
	if hostOf(old) != hostOf(now) {
		e.c.Log.Warn("a server has connected from another address while its connection stood: two servers have its number, unless it has moved; "+
			"correct the file myid of one of them", zap.Int64("server", int64(r.sid)), zap.Stringer("connected", old), zap.Stringer("connects", now))
	}
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// called answers the call of a server with a smaller id: the connection that it
// does not believe in is dropped, and it is dialled.
func (e *Election) called(nc net.Conn, m wire.InitialMessage) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, err := e.admit(m.SID)
	if err != nil {
		return err
	}
	hints := usable(m.Addresses)
	if len(hints) > 0 && !slices.Equal(hints, r.hints) {
		r.hints = hints
		r.startOver()
	}
	e.meets(r, nc)
	if r.link != nil {
		closeNow(r.link.nc)
		r.link = nil
	}
	r.called = true
	r.pause.reset()
	r.push()
	return nil
}

// keep makes an accepted connection that of its server. Connections are greeted side
// by side; of two of one server the one that was accepted last counts, since the
// server has given the other one up.
func (e *Election) keep(sid wire.SID, nc net.Conn, br *bufio.Reader, number uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if sid == wire.AnonymousSID {
		e.anonymous--
		sid = e.anonymous
	}
	r, err := e.admit(sid)
	if err != nil {
		return err
	}
	if number < r.newest {
		return errOutdated
	}
	r.newest = number
	e.meets(r, nc)
	r.setLink(nc, br)
	return nil
}

// admit returns the entry of a server that has connected. e.mu is held.
func (e *Election) admit(sid wire.SID) (*remote, error) {
	switch r := e.remotes[sid]; {
	case e.ctx.Err() != nil:
		return nil, net.ErrClosed
	case r != nil:
		return r, nil
	case !e.member(sid) && e.strangers >= maxStrangers:
		return nil, errStrangers
	default:
		return e.add(sid), nil
	}
}
