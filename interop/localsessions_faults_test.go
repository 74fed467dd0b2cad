package interop

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// upgrader is a client that opens local sessions and has them upgraded, while servers
// are killed. What it is told must hold.
type upgrader struct {
	t       *testing.T
	addrs   []string
	apaches []string // of addrs
	name    string
	random  *rand.Rand
	conn    *raw.Conn
	sess    raw.ConnectResponse
	xid     int32
	sure    *atomic.Int64 // ephemeral nodes that were acknowledged
}

const upgradeTimeout = 10_000 // of the sessions, milliseconds

// connect opens a session, or with resume goes on with its own, at a server. known is
// false when the server says that it does not know the session.
func (u *upgrader) connect(addr string, resume bool) (known bool, err error) {
	conn, err := raw.Dial(addr)
	if err != nil {
		return true, err
	}
	q := raw.ConnectRequest{Timeout: upgradeTimeout, Password: make([]byte, raw.PasswordLen)}
	if resume {
		q.SessionID, q.Password = u.sess.SessionID, u.sess.Password
	}
	a, err := conn.Handshake(q)
	if err != nil || a.SessionID == 0 {
		conn.Close()
		return err != nil, err
	}
	u.conn, u.sess = conn, a
	if !resume {
		u.xid = 0
	}
	return true, nil
}

func (u *upgrader) send(op raw.Op, body raw.Body) error {
	u.xid++
	return u.conn.Send(u.xid, op, body)
}

// do sends a request and returns its code.
func (u *upgrader) do(op raw.Op, body raw.Body) (int32, error) {
	if err := u.send(op, body); err != nil {
		return 0, err
	}
	k, err := u.conn.Recv()
	if err == nil && k.Xid != u.xid {
		err = fmt.Errorf("xid %d instead of %d", k.Xid, u.xid)
		u.t.Errorf("%s: %v: %v", u.name, op, err)
	}
	return k.Err, err
}

// must does that and wants one of the codes.
func (u *upgrader) must(op raw.Op, body raw.Body, codes ...int32) error {
	code, err := u.do(op, body)
	if err == nil && !slices.Contains(codes, code) {
		u.t.Errorf("%s: session 0x%x: %v %.60q: %d, want one of %d", u.name, u.sess.SessionID, op, []byte(body), code, codes)
	}
	return err
}

// life is one session's, from a server to the next.
func (u *upgrader) life(round int) error {
	at := u.addrs[u.random.IntN(len(u.addrs))]
	if _, err := u.connect(at, false); err != nil {
		return err
	}
	defer func() { u.conn.Close() }()
	path := fmt.Sprintf("/%s-%d", u.name, round)
	if err := u.must(raw.OpCreate, create(path+"-p"), 0); err != nil {
		return err
	}
	switch u.random.IntN(5) {
	case 0:
		return u.ownsAndCloses(path)
	case 1:
		return u.moves(path)
	case 2:
		return u.comesBackAtOnce(path, at)
	case 3: // leaves without a word
		return u.must(raw.OpMulti, raw.Multi(sub(raw.OpCreate, create(path+"-q")), sub(raw.OpCreate2, flags(path, raw.Ephemeral))), 0)
	}
	return u.doesNotWait(path, at)
}

func (u *upgrader) ownsAndCloses(path string) error {
	if err := u.must(raw.OpCreate, flags(path, raw.Ephemeral), 0); err != nil {
		return err
	}
	u.sure.Add(1)
	if err := u.must(raw.OpExists, raw.Read(path, false), 0); err != nil {
		return err
	}
	return u.must(raw.OpCloseSession, nil, 0)
}

// moves goes to another server as soon as the node is there: the session is global, so
// that one knows it.
func (u *upgrader) moves(path string) error {
	if err := u.must(raw.OpCreate, flags(path, raw.Ephemeral), 0); err != nil {
		return err
	}
	u.sure.Add(1)
	since := time.Now()
	u.conn.Close()
	for time.Since(since) < upgradeTimeout/4*time.Millisecond {
		at := u.addrs[u.random.IntN(len(u.addrs))]
		known, err := u.connect(at, true)
		if !known && time.Since(since) < upgradeTimeout/2*time.Millisecond {
			u.t.Errorf("%s: session 0x%x is upgraded and not known %v later", u.name, u.sess.SessionID, time.Since(since))
			return nil
		}
		if err != nil || !known {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err := u.must(raw.OpSync, raw.Path("/"), 0); err != nil {
			return err
		}
		if err := u.shown(path, at); err != nil {
			return err
		}
		return u.must(raw.OpCloseSession, nil, 0)
	}
	return nil
}

// shown wants a node to be there behind a sync. A leader of Apache's answers sync before it
// has applied what the others have: there it is waited for.
func (u *upgrader) shown(path, at string) error {
	if !slices.Contains(u.apaches, at) {
		return u.must(raw.OpExists, raw.Read(path, false), 0)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if code, err := u.do(raw.OpExists, raw.Read(path, false)); err != nil || code == 0 {
			return err
		}
	}
	u.t.Errorf("%s: session 0x%x: %s is not there", u.name, u.sess.SessionID, path)
	return nil
}

// comesBackAtOnce loses its connection with the upgrade under way. It may have lost the
// session too; if not, the session is whole.
func (u *upgrader) comesBackAtOnce(path, at string) error {
	if err := u.send(raw.OpCreate, flags(path, raw.Ephemeral)); err != nil {
		return err
	}
	if u.random.IntN(2) == 0 {
		time.Sleep(time.Duration(u.random.IntN(2000)) * time.Microsecond)
	}
	if u.random.IntN(3) == 0 {
		at = u.addrs[u.random.IntN(len(u.addrs))]
	}
	u.conn.Close()
	if known, err := u.connect(at, true); err != nil || !known {
		return err
	}
	if err := u.must(raw.OpCreate, flags(path+"-again", raw.Ephemeral), 0); err != nil {
		return err
	}
	return u.must(raw.OpExists, raw.Read(path+"-again", false), 0)
}

func (u *upgrader) doesNotWait(path, at string) error {
	ops := []raw.SubOp{
		sub(raw.OpSetData, raw.SetData(path+"-p", nil, 0)), sub(raw.OpCreate, flags(path, raw.Ephemeral)), sub(raw.OpExists, raw.Read(path, false)),
		sub(raw.OpCreate2, flags(path+"-2", raw.Ephemeral)), sub(raw.OpDelete, raw.PathInt(path, 0)), sub(raw.OpExists, raw.Read(path, false)),
		sub(raw.OpCloseSession, nil),
	}
	want := []int32{0, 0, 0, 0, 0, -101, 0}
	if slices.Contains(u.apaches, at) { // see upgradingBurst
		if err := u.pipeline(ops[:2], want); err != nil {
			return err
		}
		ops, want = ops[2:], want[2:]
	}
	return u.pipeline(ops, want)
}

// pipeline sends requests without waiting, and wants these codes.
func (u *upgrader) pipeline(ops []raw.SubOp, codes []int32) error {
	first := u.xid + 1
	for _, op := range ops {
		if err := u.send(op.Op, op.Body); err != nil {
			return err
		}
	}
	for i := range ops {
		k, err := u.conn.Recv()
		if err != nil {
			return err
		}
		if k.Xid != first+int32(i) || k.Err != codes[i] {
			u.t.Errorf("%s: session 0x%x: request %d of a burst: xid %d, code %d, want %d", u.name, u.sess.SessionID, i, k.Xid-first, k.Err, codes[i])
		}
	}
	return nil
}

// Sessions are upgraded, many at once, while servers are killed, the leader in its
// turn. Nobody is told what does not hold; and when all clients are gone, so are all
// sessions and their nodes, on every server.
func TestUpgradesWhileServersDie(t *testing.T) {
	env.Need(t)
	mixes := []string{"zzz", "zaz"}
	if env.Long {
		mixes = append(mixes, "zzzZ", "aza", "azaZ")
	}
	for _, m := range mixes {
		t.Run(m, func(t *testing.T) { upgradesWhileServersDie(t, m) })
	}
}

func upgradesWhileServersDie(t *testing.T, members string) {
	c := ensembleConfig()
	c["localSessionsEnabled"], c["localSessionsUpgradingEnabled"] = "true", "true"
	n := env.StartEnsemble(t, harness.Members(members), c)
	var addrs, apaches []string
	for _, s := range n.Servers {
		addrs = append(addrs, s.Addr)
		if s.Kind != harness.Zabra {
			apaches = append(apaches, s.Addr)
		}
	}
	stop := make(chan struct{})
	var working sync.WaitGroup
	var lives, sure atomic.Int64
	for i := range 16 {
		u := &upgrader{t: t, addrs: addrs, apaches: apaches, name: fmt.Sprint("u", i), random: rand.New(rand.NewPCG(uint64(i), 7)), sure: &sure}
		working.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := u.life(round); err != nil {
					time.Sleep(20 * time.Millisecond)
				} else {
					lives.Add(1)
				}
			}
		})
	}
	kills := 5
	if env.Long {
		kills = 30
	}
	for k := range kills {
		time.Sleep(700 * time.Millisecond)
		victim := n.Servers[k%len(n.Servers)]
		if k%2 == 0 {
			victim = n.Leader(t)
		}
		victim.Kill()
		time.Sleep(time.Duration(k%3) * 200 * time.Millisecond)
		if err := victim.Launch(); err != nil {
			t.Fatal(err)
		}
		n.Await(t)
	}
	eventually(t, func() string {
		if lives.Load() < 100 || sure.Load() < 20 {
			return fmt.Sprintf("only %d sessions have come to their end, and %d ephemeral nodes were acknowledged", lives.Load(), sure.Load())
		}
		return ""
	})
	close(stop)
	working.Wait()
	t.Logf("%d sessions to their end, %d ephemeral nodes acknowledged, %d servers killed", lives.Load(), sure.Load(), kills)
	for _, s := range n.Running() {
		eventually(t, func() string {
			m := monitor(t, s)
			if l, g, e := m["zk_local_sessions"], m["zk_global_sessions"], m["zk_ephemerals_count"]; l != "0" || g != "0" || e != "0" {
				return fmt.Sprintf("%s: %s local and %s global sessions, %s ephemeral nodes", name(s), l, g, e)
			}
			return ""
		})
	}
	if !t.Failed() {
		p := newProber(t, n.Servers[0])
		p.want("0", raw.OpCreate, create("/later")) // in an epoch without transactions servers show different zxids
		p.end()
		agree(t, n)
	}
}
