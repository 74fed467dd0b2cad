package differ

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/zabra/zabra/interop/raw"
)

const timeout = 60000 // ms, so that no session expires while a debugger looks on

// A Generator makes steps from a seed and from what it is told happened.
type Generator struct {
	// Bursts makes it send several requests at once every now and then.
	Bursts bool
	// Member leaves out what a member of an ensemble cannot answer like a server alone.
	Member bool

	r     *rand.Rand
	clean bool // make only requests that can be decoded
	step  int
	paths []string // what was created

	opening []subOp // what every run begins with
	slots   []slotState
}

type slotState struct {
	session, connected bool
	dropped            int      // steps since the connection went
	watched            []string // paths it may have watches on
}

// NewGenerator makes the run that belongs to a seed.
func NewGenerator(seed uint64, slots int) *Generator {
	g := &Generator{
		r:     rand.New(rand.NewPCG(seed, 0x5eed)),
		slots: make([]slotState, slots),
	}
	g.opening = openingQuota()
	return g
}

// Next makes the next step.
func (g *Generator) Next() Step {
	g.step++
	i := g.r.IntN(len(g.slots))
	l := &g.slots[i]
	st := Step{Slot: i, Since: -1, Timeout: pick[int32](g.r, timeout, timeout, timeout, 1, 45000, 1<<30), Old: g.r.IntN(4) == 0}
	switch {
	case !l.session:
		st.Kind = Open
	case !l.connected:
		l.dropped++
		st.Kind = Reattach
		if l.dropped < 3 {
			st.Kind = pick(g.r, WrongPass, Ahead, Reattach, Reattach)
		}
	default:
		return g.connected(st)
	}
	return st
}

func (g *Generator) connected(st Step) Step {
	switch n := g.r.IntN(200); {
	case len(g.opening) > 0:
		o := g.opening[0]
		g.opening = g.opening[1:]
		st.Kind, st.Xid = Request, g.xid()
		g.set(&st, o.op, o.body, "%s", o.text)
	case n == 0:
		st.Kind = Drop
	case n == 1:
		st.Kind = Reattach
	case n < 60 && g.Bursts:
		st.Kind = Burst
		st.Burst = g.burst(st)
	default:
		st.Kind = Request
		st.Xid = g.xid()
		g.request(&st)
	}
	return st
}

// burst makes requests that are answered in order whatever the server's inner
// workings: on the reference, auth, sasl and a refused type overtake others, and
// an undecodable multi takes a zxid that nobody could tell from its neighbours'.
// setACL and setWatches have reasons of their own: see below Exclusions.
func (g *Generator) burst(st Step) []Step {
	g.clean = true
	defer func() { g.clean = false }()
	var all []Step
	for i := range 2 + g.r.IntN(14) {
		sub := st
		sub.Kind, sub.Burst = Request, nil
		sub.Xid = int32(g.step*20 + i)
		for {
			if g.request(&sub); mayBurst(sub.Op) {
				break
			}
		}
		all = append(all, sub)
	}
	return all
}

func mayBurst(op raw.Op) bool {
	switch op {
	case raw.OpAuth, raw.OpSASL, raw.OpReconfig, raw.OpSetACL, raw.OpSetWatches, raw.OpSetWatches2:
		return false
	}
	return mustOccur(op)
}

func (g *Generator) xid() int32 {
	if g.r.IntN(20) == 0 {
		return pick[int32](g.r, 0, -3, -8, -4, 2147483647, -2147483648, 1)
	}
	return int32(g.step)
}

// Learn tells the generator how the step ended on the first server.
func (g *Generator) Learn(st Step, out Outcome) {
	for _, line := range out {
		var i int
		if _, err := fmt.Sscanf(line, "s%d:", &i); err != nil {
			continue
		}
		_, what, _ := strings.Cut(line, ": ")
		switch {
		case what == "closed" && st.Kind != Reattach:
			g.slots[i].connected = false
		case strings.HasPrefix(what, "connected") && strings.HasSuffix(what, "refused=false"):
			g.slots[i] = slotState{session: true, connected: true}
		case strings.HasPrefix(what, "connected"): // refused
			if st.Kind == Reattach {
				g.slots[i] = slotState{}
			}
		}
		g.learnPaths(st, what)
	}
	switch {
	case st.Kind == Drop:
		g.slots[st.Slot].connected = false
	case st.Kind == Request && st.Op == raw.OpCloseSession:
		g.slots[st.Slot] = slotState{}
	}
}

// learnPaths notes nodes that came, and the one that went. Nodes that went
// otherwise stay on the list: requests to them are wanted too.
func (g *Generator) learnPaths(st Step, reply string) {
	if !strings.Contains(reply, " err=0 ") || strings.HasPrefix(reply, "event") {
		return
	}
	op := st.Op
	if st.Kind == Burst {
		op = raw.OpMulti
	}
	switch op {
	case raw.OpDelete:
		g.forget(slices.Index(g.paths, st.Path))
	case raw.OpCreate, raw.OpCreate2, raw.OpCreateContainer, raw.OpCreateTTL, raw.OpMulti:
		for _, f := range strings.Fields(reply) {
			if strings.HasPrefix(f, "/") && !slices.Contains(g.paths, f) {
				g.paths = append(g.paths, f)
			}
		}
	}
	const most = 60
	for len(g.paths) > most {
		g.forget(g.r.IntN(len(g.paths)))
	}
}

func (g *Generator) forget(i int) {
	if i >= 0 {
		g.paths = slices.Delete(g.paths, i, i+1)
	}
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
