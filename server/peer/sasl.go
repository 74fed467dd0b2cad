package peer

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/zabra/zabra/sasl"
	"github.com/zabra/zabra/wire"
)

// A SASL is how servers prove to each other who they are: DIGEST-MD5, with the
// first thing that is said on a connection to a quorum port, and behind the initial
// message on one to an election port. The dialler begins.
type SASL struct {
	// Prove has this server prove itself when it dials, as User with Password, and
	// demand the proof of the other side.
	Prove          bool
	User, Password string
	// Users are those who may prove themselves to this server. With Require nobody
	// else gets in; without it, a connection that does not begin with a proof does.
	// A proof that fails ends the connection in any case.
	Users   sasl.Users
	Require bool
}

// Errors of SASL between servers.
var (
	ErrSASLRequired = errors.New("peer: SASL is required and the dialler does not begin it")
	ErrSASLRefused  = errors.New("peer: SASL: refused by the other side")
	errSASLPacket   = errors.New("peer: SASL: malformed packet")
)

// saslMagic begins every SASL packet. No initial message and no quorum packet that
// may come first begins with it.
const saslMagic int64 = 0x5F2435013501EDCC

// The states of an exchange, as packets tell them.
const (
	saslGoesOn int32 = 0
	saslDone   int32 = 1
	saslFailed int32 = -1
)

// maxSASLToken bounds a token, which RFC 2831 limits to 4096 bytes.
const maxSASLToken = 4096

// A saslPacket is long magic · int status · buffer token.
type saslPacket struct {
	status int32
	token  []byte
}

func writeSASL(w io.Writer, p saslPacket) error {
	b := wire.AppendInt(wire.AppendLong(nil, saslMagic), p.status)
	_, err := w.Write(wire.AppendBuffer(b, p.token))
	return err
}

func readSASL(r io.Reader) (saslPacket, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return saslPacket{}, fmt.Errorf("peer: SASL: %w", err)
	}
	d := wire.NewDecoder(head[:])
	magic, status, n := d.Long(), d.Int(), d.Int()
	if magic != saslMagic || n < -1 || n > maxSASLToken {
		return saslPacket{}, errSASLPacket
	}
	token := make([]byte, max(n, 0))
	if _, err := io.ReadFull(r, token); err != nil {
		return saslPacket{}, fmt.Errorf("peer: SASL: %w", err)
	}
	return saslPacket{status, token}, nil
}

func nonce() []byte {
	b := make([]byte, sasl.NonceLen)
	_, _ = rand.Read(b) // never fails; see its documentation
	return b
}

// dialled proves this server on a connection that it has dialled. It reads no byte
// too many. A nil SASL does nothing.
func (s *SASL) dialled(rw io.ReadWriter) error {
	if s == nil || !s.Prove {
		return nil
	}
	if err := writeSASL(rw, saslPacket{saslGoesOn, []byte{}}); err != nil {
		return fmt.Errorf("peer: SASL: %w", err)
	}
	exchange := sasl.QuorumService.Prove(s.User, s.Password, nonce())
	for {
		p, err := readSASL(rw)
		if err != nil {
			return err
		}
		if p.status != saslGoesOn && p.status != saslDone {
			return ErrSASLRefused
		}
		reply, err := exchange.Step(p.token)
		switch {
		case err != nil:
			return fmt.Errorf("peer: SASL: %w", err)
		case exchange.Done() && p.status == saslDone:
			return nil
		case exchange.Done() || p.status == saslDone:
			return errSASLPacket
		}
		if err := writeSASL(rw, saslPacket{saslGoesOn, reply}); err != nil {
			return fmt.Errorf("peer: SASL: %w", err)
		}
	}
}

// silence is how long a dialler that need not prove itself may take to begin it. A
// larger server that has called and has nothing to say says nothing.
const silence = time.Second

// accepted has the dialler of a connection prove itself, until by. What r has read
// from nc is left in it. A nil SASL does nothing.
func (s *SASL) accepted(nc net.Conn, r *bufio.Reader, by time.Time) error {
	if s == nil {
		return nil
	}
	begun, err := s.begun(nc, r, by)
	switch {
	case err != nil:
		return fmt.Errorf("peer: before the first packet: %w", err)
	case !begun && s.Require:
		return ErrSASLRequired
	case !begun:
		return nil
	}
	if err := s.exchange(r, nc); err != nil {
		_ = writeSASL(nc, saslPacket{saslFailed, []byte{}}) // the end comes anyway
		return err
	}
	return nil
}

// begun reports whether the dialler begins to prove itself.
func (s *SASL) begun(nc net.Conn, r *bufio.Reader, by time.Time) (bool, error) {
	if !s.Require {
		nc.SetReadDeadline(time.Now().Add(min(silence, time.Until(by))))
		defer nc.SetReadDeadline(by)
	}
	head, err := r.Peek(8)
	if err == nil {
		d := wire.NewDecoder(head)
		return d.Long() == saslMagic, nil
	}
	if !s.Require && len(head) == 0 && (err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded)) {
		return false, nil
	}
	return false, err
}

// exchange is that of an acceptor.
func (s *SASL) exchange(r io.Reader, w io.Writer) error {
	exchange := sasl.QuorumService.Accept(s.Users, nonce())
	for !exchange.Done() {
		p, err := readSASL(r)
		if err != nil {
			return err
		}
		if p.status != saslGoesOn {
			return ErrSASLRefused
		}
		reply, err := exchange.Step(p.token)
		if err != nil {
			return fmt.Errorf("peer: SASL: %w", err)
		}
		status := saslGoesOn
		if exchange.Done() {
			status = saslDone
		}
		if err := writeSASL(w, saslPacket{status, reply}); err != nil {
			return fmt.Errorf("peer: SASL: %w", err)
		}
	}
	return nil
}

// acceptLearner has a learner prove itself, on a connection to a quorum port.
func (s *SASL) acceptLearner(nc net.Conn, by time.Time) (net.Conn, error) {
	if s == nil {
		return nc, nil
	}
	r := bufio.NewReaderSize(nc, 16)
	if err := s.accepted(nc, r, by); err != nil {
		return nil, err
	}
	return &peeked{nc, r}, nil
}
