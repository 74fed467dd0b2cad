package client

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

func ops(calls []*call) (list []wire.OpCode) {
	for _, k := range calls {
		list = append(list, k.op)
	}
	return list
}

// Reads that are written together go behind one sync; a later one has its own.
func TestLinearizableReadsShareASync(t *testing.T) {
	nc, _ := net.Pipe()
	l := newLink(nc, "", 1<<20)
	read := func() {
		k := newCall(wire.OpGetData, "/")
		k.again = true
		if _, err := l.add(k, true); err != nil {
			t.Fatal(err)
		}
	}
	read()
	read()
	l.take()
	read()
	if sent, unsent := l.unanswered(); !slices.Equal(ops(sent), []wire.OpCode{wire.OpSync, wire.OpGetData, wire.OpGetData}) ||
		!slices.Equal(ops(unsent), []wire.OpCode{wire.OpSync, wire.OpGetData}) {
		t.Error(ops(sent), ops(unsent))
	}
}

// What was written is told from what was not, also where request numbers begin anew.
func TestWhatWasSentWhereNumbersBeginAnew(t *testing.T) {
	nc, _ := net.Pipe()
	l := newLink(nc, "", 1<<20)
	l.xid = math.MaxInt32 - 1
	for range 3 {
		l.add(newCall(wire.OpSetData, "/"), false)
	}
	l.take()
	l.add(newCall(wire.OpSetData, "/"), false)
	if sent, unsent := l.unanswered(); len(sent) != 3 || len(unsent) != 1 || unsent[0].xid() != 3 {
		t.Error(len(sent), len(unsent), unsent[0].xid())
	}
}

// A watch whose caller has gone before the answer came is not kept.
func TestClosedWatchIsNotKept(t *testing.T) {
	c := &Client{}
	w := c.newWatch(dataWatch, "/a")
	w.Close()
	w.set(wire.OpGetData, wire.OK)
	if n := len(c.watches.paths[dataWatch]); n != 0 {
		t.Error("it is in the table")
	}
}

type lastCall struct{ took time.Duration }

func (m *lastCall) Call(_ string, took time.Duration, _ error) { m.took = took }
func (m *lastCall) State(State)                                {}
func (m *lastCall) Event(EventType)                            {}

func TestAsyncCallsAreTimed(t *testing.T) {
	m := new(lastCall)
	c := &Client{opts: Options{Metrics: m, MaxCalls: 1}, fatal: ErrClosed}
	if _, err := c.Async().Get(t.Context(), "/", nil).Wait(t.Context()); err == nil {
		t.Fatal("a closed client answers")
	}
	if m.took > time.Minute {
		t.Errorf("it took %v", m.took)
	}
}

// What is written behind a request proves nothing about when that was sent: a ping must
// not make the session seem younger than the service has it.
func TestPingIsNoProofOfAnEarlierRequest(t *testing.T) {
	nc, _ := net.Pipe()
	l := newLink(nc, "", 1<<20)
	for range 2 {
		l.add(newCall(wire.OpSetData, "/"), false)
		l.take()
	}
	if _, proof, err := l.answered(1); proof.IsZero() || err != nil {
		t.Fatal(proof, err)
	}
	l.ping()
	l.take()
	if _, proof, err := l.answered(2); !proof.IsZero() || err != nil {
		t.Errorf("request 2 is believed to have been sent at %v, with the ping", proof)
	}
}

// A call whose turn it was not to be answered is not forgotten.
func TestWrongAnswerLeavesTheCall(t *testing.T) {
	nc, _ := net.Pipe()
	l := newLink(nc, "", 1<<20)
	l.add(newCall(wire.OpSetData, "/"), false)
	l.take()
	if _, _, err := l.answered(7); err == nil {
		t.Fatal("an answer to nothing")
	}
	if sent, _ := l.unanswered(); len(sent) != 1 {
		t.Error("the call is gone")
	}
}

// connected is a client with a link and a call on it that was not written.
func connected(t *testing.T, s *Session, k *call) (*Client, *link) {
	t.Helper()
	nc, _ := net.Pipe()
	l := newLink(nc, "", 1<<20)
	c := &Client{opts: Options{}.withDefaults(new(servers)), servers: new(servers), session: s, link: l}
	if _, err := l.add(k, false); err != nil {
		t.Fatal(err)
	}
	return c, l
}

// What was asked for in a session, and not sent, is not carried out in the next one.
func TestUnsentCallOfASessionThatIsOver(t *testing.T) {
	s := newSession(1, nil, time.Hour, time.Now(), func(*Session) {})
	k := newCall(wire.OpSetData, "/")
	c, l := connected(t, s, k)
	s.end()
	c.disconnected(l, io.EOF)
	if n := c.waiting.len(); n != 0 || !errors.Is(k.err, ErrSessionExpired) {
		t.Errorf("%d calls wait for the next session; %v", n, k.err)
	}
}

// A call whose connections break before it is written ends like one that finds none.
func TestUnsentCallEnds(t *testing.T) {
	s := newSession(1, nil, time.Hour, time.Now(), func(*Session) {})
	k := newCall(wire.OpSetData, "/")
	c, l := connected(t, s, k)
	began := time.Now().Add(-time.Hour)
	k.queued = began // before this link came
	c.disconnected(l, io.EOF)
	if n := c.waiting.len(); n != 1 || k.queued != began {
		t.Errorf("%d calls wait, this one since %v", n, k.queued)
	}
	c.expireWaiting()
	if !errors.Is(k.err, ErrNoConnection) {
		t.Error(k.err)
	}
}

// Where request numbers begin anew, an answer to an earlier request proves nothing about
// when a later one was sent.
func TestProofWhereNumbersBeginAnew(t *testing.T) {
	nc, _ := net.Pipe()
	l := newLink(nc, "", 1<<20)
	l.xid = math.MaxInt32 - 1
	l.add(newCall(wire.OpSetData, "/"), false)
	l.take()
	l.probe = 0 // as behind an answer that was proof
	l.add(newCall(wire.OpSetData, "/"), false)
	l.take()
	if _, proof, err := l.answered(math.MaxInt32); !proof.IsZero() || err != nil {
		t.Errorf("request 1 is believed to have arrived, sent at %v; %v", proof, err)
	}
	if _, proof, err := l.answered(1); proof.IsZero() || err != nil {
		t.Error("the answer itself is no proof", err)
	}
}

// A call that began to wait for a connection as its session ended does not go to the next
// session.
func TestWaitingCallOfASessionThatIsOver(t *testing.T) {
	idle := func(id SessionID) *Session {
		return newSession(id, nil, time.Hour, time.Now(), func(*Session) {})
	}
	k := newCall(wire.OpSetData, "/")
	c, l := connected(t, idle(2), newCall(wire.OpSetData, "/"))
	k.in, k.queued = idle(1), time.Now()
	c.waiting.push(k)
	if left, over := c.postWaitingLocked(l); len(left) != 0 || len(over) != 1 || over[0] != k {
		t.Error("it is carried out in a session that it does not belong to")
	}
}

// An identity is known to the next connection before AddAuth returns, and before the
// connection on which it was proved can be lost.
func TestIdentityIsTakenWithItsAnswer(t *testing.T) {
	s := newSession(1, nil, time.Hour, time.Now(), func(*Session) {})
	k := newCall(wire.OpAuth, "")
	k.auth = &Auth{Scheme: "digest", Data: []byte("a:b")}
	c, l := connected(t, s, k)
	l.take()
	taken := -1
	k.then = func() { taken = len(c.auth) }
	if err := c.reply(l, s, wire.ReplyHeader{Xid: k.xid()}, nil); err != nil || taken != 1 {
		t.Errorf("%d identities when the call ends; %v", taken, err)
	}
}

// When the session has been closed no other one is opened, although the connection ends
// before Close has taken note.
func TestNothingFollowsAClosedSession(t *testing.T) {
	s := newSession(1, nil, time.Hour, time.Now(), func(*Session) {})
	k := newCall(wire.OpCloseSession, "")
	c, l := connected(t, s, k)
	l.take()
	ended := false
	c.cancel = func() { ended = true }
	if err := c.reply(l, s, wire.ReplyHeader{Xid: k.xid()}, nil); err != nil || !ended || !errors.Is(c.fatal, ErrClosed) {
		t.Errorf("the client goes on: ended %v, %v; %v", ended, c.fatal, err)
	}
}

// Calls that wait when the session runs out fail with that, also where its timer is late.
func TestSessionThatRunsOutBeforeItsTimer(t *testing.T) {
	k := newCall(wire.OpSetData, "/")
	c, l := connected(t, nil, newCall(wire.OpSetData, "/"))
	now := time.Now()
	c.session = newSession(1, nil, time.Hour, now, c.lost)
	c.session.contact, k.queued = now.Add(-2*time.Hour), now.Add(-time.Hour)
	c.link = nil
	c.waiting.push(k)
	if c.expireWaiting(); !errors.Is(k.err, ErrSessionExpired) || c.session.Alive() {
		t.Error(k.err)
	}
	l.kill(io.EOF)
}

// A session whose time ran out while the client proved who it is is not gone on with, also
// where its timer is late.
func TestSessionThatRunsOutInTheHandshake(t *testing.T) {
	c, l := connected(t, nil, newCall(wire.OpSetData, "/"))
	now := time.Now()
	s := newSession(1, nil, time.Hour, now, c.lost)
	s.contact = now.Add(-2 * time.Hour)
	c.link = nil
	if err := c.install(l, s); !errors.Is(err, errOver) || s.Alive() || c.link != nil {
		t.Error(err, s.Alive())
	}
	l.kill(io.EOF)
}

// A machine that was busy may come to a session when its time is up already.
func TestSessionWhoseTimeIsUpWhenItIsMade(t *testing.T) {
	for range 1000 {
		over := make(chan *Session, 1)
		s := newSession(1, nil, time.Nanosecond, time.Now().Add(-time.Minute), func(s *Session) { over <- s })
		if <-over != s || s.Alive() || s.end() {
			t.Fatal("it lives")
		}
	}
}

// Who finds an answer and the end of their context at once gets the answer: what happened
// is known.
func TestAnswerComesBeforeTheEndOfTheContext(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	c := &Client{opts: Options{MaxCalls: 1000, MaxRequest: 1000}}
	f := &Future[int]{done: make(chan struct{}), value: 1}
	close(f.done)
	for range 100 {
		k := newCall(wire.OpSetData, "/")
		k.before = func() { k.done <- struct{}{} }
		if err := c.wait(over, k); err != nil {
			t.Fatal(err)
		}
		if v, err := f.Wait(over); v != 1 || err != nil {
			t.Fatal(v, err)
		}
	}
}
