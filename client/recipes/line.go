package recipes

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/plant"
)

// ErrNodeGone says that somebody removed a node that belongs to a recipe.
var ErrNodeGone = errors.New("recipes: the node was removed by somebody else")

// ErrBusy says that somebody else has what was asked for.
var ErrBusy = errors.New("recipes: somebody else has it")

// A Naming says how the nodes of a line are called.
type Naming int

const (
	// Curator's names: _c_UUID-lock-0000000001.
	Curator Naming = iota
	// Kazoo's names: UUID__lock__0000000001.
	Kazoo
	// CuratorSelector's names are those of the line of Curator's LeaderSelector, which is
	// a lock with ids in it. It is for an Election; for anything else it is Curator.
	CuratorSelector
)

// A place is what somebody stands for in a line: a lock, the right to read ...
type place struct{ curator, kazoo string }

var (
	lockPlace  = place{"lock-", "__lock__"}
	readPlace  = place{"__READ__", "__rlock__"}
	writePlace = place{"__WRIT__", "__lock__"}
	latchPlace = place{"latch-", "__lock__"}
)

// name is that of a node whose number follows.
func (p place) name(n Naming, guid string) string {
	if n == Kazoo {
		return strings.ReplaceAll(guid, "-", "") + p.kazoo
	}
	return "_c_" + guid + "-" + p.curator
}

// numberLen is how many digits the service puts behind a sequential node's name.
const numberLen = 10

// number reads the number behind one of the marks of p.
func (p place) number(name string) (int32, bool) {
	if len(name) < numberLen {
		return 0, false
	}
	digits := numberLen
	if at := len(name) - numberLen - 1; at >= 0 && name[at] == '-' && !strings.HasSuffix(name[:at+1], p.curator) {
		digits++ // behind 2^31 the numbers are negative
	}
	head, tail := name[:len(name)-digits], name[len(name)-digits:]
	n, err := strconv.ParseInt(tail, 10, 32)
	if err != nil || !strings.HasSuffix(head, p.curator) && !strings.HasSuffix(head, p.kazoo) {
		return 0, false
	}
	return int32(n), true
}

// A waiter is a node in a line.
type waiter struct {
	name   string
	number int32
	place  place
}

// standing returns the waiters among the children of a node, the first one first. Of
// two marks that fit, the first in places counts.
func standing(names []string, places ...place) []waiter {
	var line []waiter
	for _, name := range names {
		for _, p := range places {
			if n, ok := p.number(name); ok {
				line = append(line, waiter{name, n, p})
				break
			}
		}
	}
	slices.SortFunc(line, func(a, b waiter) int { return int(a.number - b.number) }) // also across the overflow
	return line
}

// guid is a random name, in the form of a UUID.
func guid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails; see its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// A line is a node whose children wait for their turn.
type line struct {
	tree   client.Tree
	path   string
	naming Naming
}

// A ticket is a node of one's own in a line.
type ticket struct {
	line    *line
	name    string
	session *client.Session
	token   client.Zxid
}

func (l *line) child(name string) string { return join(l.path, name) }

// enter makes a node at the end of the line. If the answer is lost, the node is looked
// for by its name, and made if it is not there.
func (l *line) enter(ctx context.Context, p place, data []byte) (*ticket, error) {
	id := guid()
	for {
		s := l.tree.Session()
		var st client.Stat
		made, err := l.tree.Create(ctx, l.child(p.name(l.naming, id)), data, client.Ephemeral, client.Sequential, client.StatTo(&st))
		switch {
		case err == nil:
			t := &ticket{l, made[strings.LastIndexByte(made, '/')+1:], s, st.Czxid}
			return t, t.own(ctx, st)
		case errors.Is(err, client.ErrNoNode):
			if err := makePath(ctx, l.tree, l.path, client.Container); err != nil {
				return nil, err
			}
		case errors.Is(err, client.ErrConnectionLost) && !plant.In(plant.TwiceInLine):
			t, err := l.find(ctx, id)
			if err != nil {
				l.sweep(ctx, id)
				return nil, err
			}
			if t != nil {
				return t, nil
			}
		default:
			if ctx.Err() != nil {
				l.sweep(ctx, id)
			}
			return nil, err
		}
	}
}

// sweep removes the node that may have been made for a caller that has gone. Nobody
// waits for it, and it ends with the session: the one there is, since what was made in
// one before is gone.
func (l *line) sweep(ctx context.Context, id string) {
	s := l.tree.Session()
	ctx = client.InSession(context.WithoutCancel(ctx), s)
	go func() {
		for s.Alive() {
			t, err := l.find(ctx, id)
			if t != nil {
				t.leave(ctx)
			}
			if !tryAgain(s, err) {
				return
			}
		}
	}()
}

// tryAgain reports whether what failed in a session is worth another try: the error is
// one that goes by, and the session lives. It waits a little where the server has said no
// rather than nothing.
func tryAgain(s *client.Session, err error) bool {
	if errors.Is(err, client.ErrNotReadOnly) || errors.Is(err, client.ErrThrottled) {
		select {
		case <-time.After(refusedPause):
		case <-s.Done():
		}
		return s.Alive()
	}
	return passes(err) && s.Alive()
}

// refusedPause is how long nothing is asked of a server that refuses for the moment.
const refusedPause = 200 * time.Millisecond

// own checks that the node belongs to the session that was there before it was made: a
// new session may have been opened in between.
func (t *ticket) own(ctx context.Context, st client.Stat) error {
	if client.SessionID(st.EphemeralOwner) == t.session.ID {
		return nil
	}
	if s := t.line.tree.Session(); client.SessionID(st.EphemeralOwner) == s.ID {
		t.session = s
		return nil
	}
	t.leave(ctx)
	return client.ErrSessionExpired
}

// find looks for a node that may have been made.
func (l *line) find(ctx context.Context, id string) (*ticket, error) {
	if err := l.tree.Sync(ctx, l.path); err != nil {
		return nil, err
	}
	names, all, err := l.tree.Children(ctx, l.path)
	if err != nil {
		return nil, unless(err, client.ErrNoNode)
	}
	short := strings.ReplaceAll(id, "-", "")
	for _, name := range names {
		if !strings.Contains(name, id) && !strings.HasPrefix(name, short) {
			continue
		}
		st, there, err := l.tree.Exists(ctx, l.child(name))
		if err != nil || !there {
			return nil, err // gone with the session that made it
		}
		t := &ticket{l, name, l.tree.Session(), st.Czxid}
		if plant.In(plant.TokenOfLine) {
			t.token = all.Pzxid
		}
		return t, t.own(ctx, st)
	}
	return nil, nil
}

// An ahead says who of those that stand before one has to go first: nobody, or the name
// of the last one that must.
type ahead func(before []waiter) (name string)

// anybody waits for all that stand before.
func anybody(before []waiter) string {
	if len(before) == 0 {
		return ""
	}
	return before[len(before)-1].name
}

// wait returns when it is the ticket's turn. If it fails the ticket is to be left.
func (t *ticket) wait(ctx context.Context, must ahead, places ...place) error {
	for {
		before, err := t.before(ctx, places)
		if err != nil {
			return err
		}
		blocking := must(before)
		if blocking == "" {
			return t.alive()
		}
		_, there, w, err := t.line.tree.ExistsW(ctx, t.line.child(blocking))
		if err != nil {
			return err
		}
		if !there {
			w.Close()
			continue
		}
		err = t.await(ctx, w)
		w.Close()
		if err != nil || plant.In(plant.PredecessorTrusted) {
			return err
		}
	}
}

// before returns those that stand before the ticket.
func (t *ticket) before(ctx context.Context, places []place) ([]waiter, error) {
	names, _, err := t.line.tree.Children(ctx, t.line.path)
	if err != nil {
		return nil, err
	}
	all := standing(names, places...)
	at := slices.IndexFunc(all, func(w waiter) bool { return w.name == t.name })
	if at >= 0 {
		return all[:at], nil
	}
	if err := t.alive(); err != nil {
		return nil, err
	}
	// A server that lags may not show the node yet.
	if err := t.line.tree.Sync(ctx, t.line.path); err != nil {
		return nil, err
	}
	if _, there, err := t.line.tree.Exists(ctx, t.line.child(t.name)); err != nil || !there {
		return nil, errors.Join(err, ErrNodeGone)
	}
	return t.before(ctx, places)
}

func (t *ticket) alive() error {
	if !t.session.Alive() {
		return client.ErrSessionExpired
	}
	return nil
}

func (t *ticket) await(ctx context.Context, w *client.Watch) error {
	select {
	case <-w.C:
		return nil
	case <-t.session.Done():
		return client.ErrSessionExpired
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave removes the node. It goes on when the context ends, as long as the session
// lives: a node left behind would stop everybody. A server that refuses for the moment is
// not waited for, but asked again behind the caller's back.
func (t *ticket) leave(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	err := t.remove(ctx)
	if !t.session.Alive() {
		return nil // it goes with the session
	}
	if err != nil {
		go func(err error) {
			for tryAgain(t.session, err) {
				err = t.remove(ctx)
			}
		}(err)
	}
	return err
}

func (t *ticket) remove(ctx context.Context) error {
	for t.session.Alive() {
		err := t.line.tree.Delete(ctx, t.line.child(t.name), client.AnyVersion)
		if !errors.Is(err, client.ErrConnectionLost) && !errors.Is(err, client.ErrNoConnection) {
			return unless(err, client.ErrNoNode)
		}
	}
	return nil
}

// take waits for its turn in a line.
func (l *line) take(ctx context.Context, p place, data []byte, must ahead, places ...place) (*Held, error) {
	t, err := l.enter(ctx, p, data)
	if err != nil {
		return nil, err
	}
	return t.held(ctx, t.wait(ctx, must, places...))
}

// try takes its turn if it has come, and leaves the line if not.
func (l *line) try(ctx context.Context, p place, data []byte, must ahead, places ...place) (*Held, error) {
	t, err := l.enter(ctx, p, data)
	if err != nil {
		return nil, err
	}
	before, err := t.before(ctx, places)
	if err == nil && must(before) != "" {
		err = ErrBusy
	}
	return t.held(ctx, err)
}

// held makes a ticket one that is held, unless err is an error: then it is left.
func (t *ticket) held(ctx context.Context, err error) (*Held, error) {
	if err == nil {
		var h *Held
		if h, err = hold(ctx, t); err == nil {
			return h, nil
		}
	}
	_ = t.leave(ctx) // err says what matters
	return nil, err
}
