package sim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/zabra/zabra/internal/sim/simdisk"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/internal/sim/vtime"
	"github.com/zabra/zabra/internal/vfs"
)

// A toy proves that the world the cluster is simulated in works: a register that
// is replicated as Attiya, Bar-Noy and Dolev taught is linearizable in it, whatever
// it does to the servers, and each of three mistakes is found out.
type toy struct {
	kernel  *vtime.Kernel
	net     *simnet.Net
	rng     *rand.Rand
	servers []*toyServer
	history []porcupine.Operation
	mistake string
	unique  int
}

const (
	toyServers = 3
	toyClients = 4
	toyPort    = simnet.Port(0)
)

// A tagged is a value and the number of its write.
type tagged struct {
	n   int
	who int
	val int
}

func (a tagged) less(b tagged) bool { return a.n < b.n || a.n == b.n && a.who < b.who }

type toyRequest struct {
	id    int
	store bool
	value tagged
}

type toyReply struct {
	id    int
	value tagged
}

type toyServer struct {
	*toy
	host  simnet.Host
	disk  *simdisk.Disk
	life  *vtime.Life
	value tagged
}

func newToy(seed uint64, mistake string) *toy {
	k := vtime.New(seed)
	w := &toy{kernel: k, rng: k.Rand("toy"), mistake: mistake}
	w.net = simnet.New(k, toyServers+toyClients, simnet.Weather{
		MinDelay: time.Millisecond, MaxDelay: 20 * time.Millisecond, SpikeRate: 0.05, Spike: time.Second, DialTimeout: time.Second,
	})
	for i := range toyServers {
		s := &toyServer{toy: w, host: simnet.Host(i)}
		s.disk = simdisk.New(k, strconv.Itoa(i), simdisk.Speed{Write: time.Millisecond, Sync: 10 * time.Millisecond})
		w.servers = append(w.servers, s)
		s.start()
	}
	for i := range toyClients {
		w.net.Up(simnet.Host(toyServers + i))
		c := &toyClient{toy: w, id: i, host: simnet.Host(toyServers + i)}
		k.After(0, nil, c.next)
	}
	k.Every(400*time.Millisecond, nil, w.disturb)
	return w
}

func (s *toyServer) start() {
	s.disk.Restart()
	s.life = new(vtime.Life)
	s.value = tagged{}
	if data, err := vfs.ReadFile(s.disk.FS(), "value", 100); err == nil {
		_, _ = fmt.Sscan(string(data), &s.value.n, &s.value.who, &s.value.val)
	}
	s.kernel.Trace.Add(fmt.Sprint("s", s.host), "starts with %d.%d", int64(s.value.n), int64(s.value.who))
	s.net.Up(s.host)
	s.net.Listen(s.host, toyPort, func(e *simnet.End) {
		e.OnMessage = func(m any) { s.handle(e, m.(toyRequest)) }
		e.OnClose = func() {}
	})
}

func (s *toyServer) crash() {
	if s.life.Over() {
		return
	}
	s.kernel.Trace.Add(fmt.Sprint("s", s.host), "crashes")
	s.disk.Crash(false)
	s.life.End()
	s.net.Down(s.host, s.rng.IntN(2) == 0)
	s.kernel.After(time.Duration(s.rng.IntN(2000))*time.Millisecond, nil, s.start)
}

func (s *toyServer) handle(e *simnet.End, r toyRequest) {
	if !r.store || !s.value.less(r.value) {
		e.Send(toyReply{r.id, s.value})
		return
	}
	if s.mistake == "reply before sync" {
		s.value = r.value
		e.Send(toyReply{r.id, s.value})
	}
	write, sync := s.disk.Latency()
	s.kernel.After(write+sync, s.life, func() {
		text := fmt.Sprint(r.value.n, r.value.who, r.value.val)
		if !s.value.less(r.value) || vfs.WriteFileAtomic(s.disk.FS(), "value", []byte(text)) == nil {
			s.value = maxTagged(s.value, r.value)
			e.Send(toyReply{r.id, s.value})
		}
	})
}

func maxTagged(a, b tagged) tagged {
	if a.less(b) {
		return b
	}
	return a
}

// disturb does something bad.
func (w *toy) disturb() {
	if w.kernel.Now() > 6*time.Second {
		return
	}
	s := w.servers[w.rng.IntN(toyServers)]
	switch w.rng.IntN(5) {
	case 0:
		s.crash()
	case 1:
		s.disk.CrashAfter(1+w.rng.IntN(8), func() { s.kernel.After(0, s.life, s.crash) })
	case 2:
		if conns := w.net.Conns(); len(conns) > 0 {
			conns[w.rng.IntN(len(conns))].Break(w.rng.IntN(3) == 0)
		}
	case 3:
		to := simnet.Host(w.rng.IntN(toyServers + toyClients))
		w.net.Cut(s.host, to)
		w.kernel.After(time.Second, nil, func() { w.net.Heal(s.host, to) })
	}
}

// A toyClient reads and writes, one operation at a time, for ever.
type toyClient struct {
	*toy
	id   int
	host simnet.Host
	life *vtime.Life // of the question that is open
}

func (c *toyClient) next() {
	if c.kernel.Now() > 8*time.Second {
		return
	}
	c.unique++
	called, write := c.kernel.Now(), c.rng.IntN(2) == 0
	value := 0
	if write {
		value = c.unique
	}
	i := len(c.history)
	c.history = append(c.history, porcupine.Operation{
		ClientId: c.unique, Input: value, Call: int64(called), Return: 1 << 60, Output: -1,
	})
	done := func(read int) {
		c.history[i].Return, c.history[i].Output = int64(c.kernel.Now()), read
		c.kernel.After(time.Duration(c.rng.IntN(200))*time.Millisecond, nil, c.next)
	}
	c.ask(toyRequest{}, func(got []tagged) {
		last := got[0]
		for _, v := range got {
			if last.less(v) {
				last = v
			}
		}
		switch {
		case write:
			c.ask(toyRequest{store: true, value: tagged{last.n + 1, value, value}}, func([]tagged) { done(value) })
		case c.mistake == "read without writing back":
			done(last.val)
		default:
			c.ask(toyRequest{store: true, value: last}, func([]tagged) { done(last.val) })
		}
	})
}

// ask sends a request to all servers and calls then with a majority's answers. If
// there is none in time the operation stays open.
func (c *toyClient) ask(r toyRequest, then func([]tagged)) {
	quorum := toyServers/2 + 1
	if c.mistake == "quorum off by one" {
		quorum--
	}
	if c.life != nil {
		c.life.End()
	}
	life := new(vtime.Life)
	c.life = life
	var got []tagged
	for i := range toyServers {
		c.net.Dial(c.host, simnet.Host(i), toyPort, life, func(e *simnet.End) {
			if e == nil {
				return
			}
			e.OnMessage = func(m any) {
				e.Close()
				got = append(got, m.(toyReply).value)
				if len(got) == quorum && !life.Over() {
					life.End()
					then(got)
				}
			}
			e.Send(r)
		})
	}
	c.kernel.After(3*time.Second, life, func() {
		life.End()
		c.next()
	})
}

var register = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		if v := input.(int); v != 0 {
			return true, v
		}
		return output == -1 || output == state, state
	},
}

// run returns whether the history of a seed is linearizable. Reads that were never
// answered say nothing.
func (w *toy) run() bool {
	w.kernel.RunUntil(20*time.Second, nil)
	w.history = slices.DeleteFunc(w.history, func(o porcupine.Operation) bool { return o.Input == 0 && o.Output == -1 })
	return porcupine.CheckOperationsTimeout(register, w.history, time.Minute) != porcupine.Illegal
}

const toySeeds = 60

func TestToyRegisterIsLinearizable(t *testing.T) {
	ops := 0
	for seed := range uint64(toySeeds) {
		w := newToy(seed, "")
		if !w.run() {
			t.Errorf("seed %d: not linearizable", seed)
		}
		ops += len(w.history)
	}
	if ops < 1000 {
		t.Errorf("only %d operations in %d seeds", ops, toySeeds)
	}
}

func TestMistakesOfTheToyAreFound(t *testing.T) {
	for _, mistake := range []string{"reply before sync", "quorum off by one", "read without writing back"} {
		found := 0
		for seed := range uint64(toySeeds) {
			if !newToy(seed, mistake).run() {
				found++
			}
		}
		t.Logf("%s: found by %d of %d seeds", mistake, found, toySeeds)
		if found == 0 {
			t.Errorf("%s: not found", mistake)
		}
	}
}

func TestToyRepeatsItself(t *testing.T) {
	run := func() (uint64, string) {
		w := newToy(3, "")
		var out strings.Builder
		w.kernel.Trace.Out = &out
		w.run()
		return w.kernel.Trace.Hash() ^ w.kernel.Steps(), out.String() + fmt.Sprint(w.history)
	}
	h1, t1 := run()
	h2, t2 := run()
	if h1 != h2 || t1 != t2 {
		t.Error("two runs of one seed differ")
	}
}
