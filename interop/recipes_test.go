package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/interop/harness"
)

// A partner does what a program of another library asks for, with our recipes.
type partner struct {
	t       *testing.T
	ctx     context.Context
	c       *client.Client
	held    *recipes.Held
	others  []*recipes.Held
	turn    chan *recipes.Held
	done    chan error
	present *recipes.Presence
}

func newPartner(t *testing.T, s *harness.Server) *partner {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	t.Cleanup(cancel)
	c, err := client.Open(ctx, s.Addr, client.Options{SessionTimeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &partner{t: t, ctx: ctx, c: c, turn: make(chan *recipes.Held, 1), done: make(chan error, 1)}
}

func (p *partner) keep(h *recipes.Held, err error) error {
	p.held = h
	return err
}

func (p *partner) release() error { return p.held.Release(p.ctx) }

// refused wants a lock not to be had.
func refused(take func(context.Context) (*recipes.Held, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		h, err := take(short)
		if err == nil {
			h.Release(ctx)
			return errors.New("the other's lock does not block")
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	}
}

// wait stands in a line until its turn comes.
func (p *partner) wait(path string, take func(context.Context) (*recipes.Held, error)) error {
	before, _, err := p.c.Children(p.ctx, path)
	if err != nil {
		return err
	}
	go func() {
		h, err := take(p.ctx)
		if err != nil {
			p.t.Error(err)
		}
		p.turn <- h
	}()
	for {
		now, _, err := p.c.Children(p.ctx, path)
		if err != nil || len(now) > len(before) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func (p *partner) takeTurn() error {
	select {
	case p.held = <-p.turn:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// on answers requests.
func (p *partner) on(prog *harness.Program, acts map[string]func() error) {
	for name, f := range acts {
		prog.At(name, f)
	}
}

// want compares.
func want[T comparable](what string, got T, err error, want T) error {
	if err == nil && got != want {
		err = fmt.Errorf("%s is %v, want %v", what, got, want)
	}
	return err
}

// lockActs are those about locks, elections and barriers below a root.
func (p *partner) lockActs(root string, n recipes.Naming) map[string]func() error {
	l := recipes.NewLock(p.c, root+"/lock", n)
	rw := recipes.NewRWLock(p.c, root+"/rw", n)
	e := recipes.NewElection(p.c, root+map[recipes.Naming]string{recipes.Curator: "/latch", recipes.Kazoo: "/election"}[n], n)
	d := recipes.NewDoubleBarrier(p.c, root+"/barrier", 2)
	return map[string]func() error{
		"lock":            func() error { return p.keep(l.Lock(p.ctx)) },
		"unlock":          p.release,
		"is locked":       func() error { return refused(l.Lock)(p.ctx) },
		"stands in line":  func() error { return p.wait(root+"/lock", l.Lock) },
		"has its turn":    p.takeTurn,
		"read lock":       func() error { return p.keep(rw.RLock(p.ctx)) },
		"write lock":      func() error { return p.keep(rw.Lock(p.ctx)) },
		"is write locked": func() error { return errors.Join(refused(rw.RLock)(p.ctx), refused(rw.Lock)(p.ctx)) },
		"lead":            func() error { return p.keep(e.Campaign(p.ctx, "zabra")) },
		"resign":          p.release,
		"is led by curator": func() error {
			id, err := e.Leader(p.ctx)
			return want("leader", id, err, "curator")
		},
		"leads again": func() error { return errors.Join(p.keep(e.Campaign(p.ctx, "zabra")), p.release()) },
		"enter":       func() error { go func() { p.done <- d.Enter(p.ctx) }(); return nil },
		"leave":       func() error { err := <-p.done; go func() { p.done <- d.Leave(p.ctx) }(); return err },
		"has left":    func() error { return <-p.done },
	}
}

// selectorActs are an election's that Curator calls a leader selector.
func (p *partner) selectorActs(e *recipes.Election) map[string]func() error {
	ids := func(want string) error {
		have := ""
		return until(p.ctx, "candidates "+want, func() bool {
			list, err := e.Candidates(p.ctx)
			have = fmt.Sprint(list)
			return err == nil && have == want
		})
	}
	return map[string]func() error{
		"be selected":            func() error { return p.keep(e.Campaign(p.ctx, "zabra")) },
		"step back":              p.release,
		"sees the selector wait": func() error { return ids("[zabra curator]") },
		"curator is selected": func() error {
			id, err := e.Leader(p.ctx)
			return want("leader", id, err, "curator")
		},
		"waits to be selected": func() error {
			go func() {
				h, err := e.Campaign(p.ctx, "zabra")
				if err != nil {
					p.t.Error(err)
				}
				p.turn <- h
			}()
			return ids("[curator zabra]")
		},
		"is selected": p.takeTurn,
	}
}

// until waits for a condition.
func until(ctx context.Context, what string, ok func() bool) error {
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("never: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// gateActs are a barrier's.
func (p *partner) gateActs(b *recipes.Barrier) map[string]func() error {
	return map[string]func() error{
		"set the barrier":    func() error { return b.Set(p.ctx) },
		"remove the barrier": func() error { return b.Remove(p.ctx) },
		"stands before the barrier": func() error {
			short, cancel := context.WithTimeout(p.ctx, 300*time.Millisecond)
			defer cancel()
			if err := b.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("the other's barrier does not stand: %w", err)
			}
			return nil
		},
		"passes the barrier": func() error { return b.Wait(p.ctx) },
	}
}

// groupActs are those of a member, of that name, of what is called a group by one and a
// party by another. others is what the other members' nodes hold.
func (p *partner) groupActs(what, path, name, others string) map[string]func() error {
	g := recipes.NewGroup(p.c, path)
	hold := func(want ...string) func() error {
		return func() error {
			return until(p.ctx, fmt.Sprintf("members with %q", want), func() bool {
				names, err := g.Members(p.ctx)
				var have []string
				for _, name := range names {
					data, _, getErr := p.c.Get(p.ctx, path+"/"+name)
					have, err = append(have, string(data)), errors.Join(err, getErr)
				}
				slices.Sort(have)
				return err == nil && slices.Equal(have, want)
			})
		}
	}
	return map[string]func() error{
		"join the " + what: func() (err error) {
			p.present, err = g.Join(p.ctx, name, []byte("of zabra"))
			return err
		},
		"sees the " + what:          hold(others, "of zabra"),
		"leave the " + what:         func() error { return p.present.Close(p.ctx) },
		"the " + what + " is empty": hold(),
	}
}

func (p *partner) valueActs(v *recipes.Value) map[string]func() error {
	return map[string]func() error{
		"change the value": func() error {
			now, err := v.Update(p.ctx, func(data []byte) ([]byte, error) { return append(data, " and more"...), nil })
			return want("value", string(now), err, "seed and more")
		},
		"read the value": func() error {
			data, err := v.Get(p.ctx)
			return want("value", string(data), err, "of curator")
		},
	}
}

func (p *partner) counterActs(c *recipes.Counter) map[string]func() error {
	return map[string]func() error{
		"count":      func() error { n, err := c.Add(p.ctx, 3); return want("number", n, err, 3) },
		"count more": func() error { n, err := c.Add(p.ctx, 2); return want("number", n, err, 10) },
	}
}

func (p *partner) semaphoreActs(s *recipes.Semaphore) map[string]func() error {
	acquire := func() error {
		h, err := s.Acquire(p.ctx)
		p.others = append(p.others, h)
		return err
	}
	return map[string]func() error{
		"acquire":         acquire,
		"is full":         func() error { return refused(s.Acquire)(p.ctx) },
		"acquire another": acquire,
		"release both":    func() error { return errors.Join(p.others[0].Release(p.ctx), p.others[1].Release(p.ctx)) },
	}
}

func (p *partner) discoveryActs(d *recipes.Discovery) map[string]func() error {
	port := 81
	return map[string]func() error{
		"register": func() (err error) {
			p.present, err = d.Register(p.ctx, &recipes.Instance{Name: "web", ID: "zabra", Address: "10.0.0.1", Port: &port})
			return err
		},
		"unregister": func() error { return p.present.Close(p.ctx) },
		"sees curator's": func() error {
			prov, err := d.Provider(p.ctx, "web", recipes.Random())
			if err != nil {
				return err
			}
			defer prov.Close()
			for _, i := range prov.Instances() {
				if i.ID == "curator" && i.Address == "10.0.0.2" && i.Port != nil && *i.Port == 82 {
					return nil
				}
			}
			return fmt.Errorf("not among %d instances", len(prov.Instances()))
		},
	}
}

// besideCurator is Curator's program, and our part of its acts.
func besideCurator(t *testing.T, s *harness.Server) (*partner, *harness.Program) {
	p, prog := newPartner(t, s), env.JavaWith(s, "zabra.interop.RecipesClient", s.Addr)
	p.on(prog, p.lockActs("/mixed", recipes.Curator))
	p.on(prog, p.counterActs(recipes.NewCounter(p.c, "/mixed/counter", recipes.Curator)))
	p.on(prog, p.semaphoreActs(recipes.NewSemaphore(p.c, "/mixed/semaphore", 2)))
	one := recipes.NewSemaphore(p.c, "/mixed/mutex", 1)
	p.on(prog, map[string]func() error{
		"acquire the only one":  func() error { return p.keep(one.Acquire(p.ctx)) },
		"release the only one":  p.release,
		"the only one is taken": func() error { return refused(one.Acquire)(p.ctx) },
	})
	p.on(prog, p.selectorActs(recipes.NewElection(p.c, "/mixed/selector", recipes.CuratorSelector)))
	p.on(prog, p.valueActs(recipes.NewValue(p.c, "/mixed/value")))
	p.on(prog, p.gateActs(recipes.NewBarrier(p.c, "/mixed/gate")))
	p.on(prog, p.groupActs("group", "/mixed/group", "zabra", "of curator"))
	p.on(prog, p.discoveryActs(recipes.NewDiscovery(p.c, "/mixed/services")))
	return p, prog
}

// Curator and our recipes use one lock, one election, one semaphore ..., on ZooKeeper
// and on Zabra.
func TestRecipesWithCurator(t *testing.T) {
	eachAlone(t, harness.Config{}, func(t *testing.T, s *harness.Server) {
		_, prog := besideCurator(t, s)
		got := prog.Run(t)
		wantText(t, got, `== lock
acquired while the other holds it -> false
acquired -> true
acquired out of turn -> false
== read-write lock
read beside a reader -> true
write beside a reader -> false
write -> true
read beside a writer -> false
== semaphore
the second lease -> true
a third lease -> false
== semaphore of one
acquired beside the other -> false
acquired -> true
== leader latch
leads beside another -> false
leader -> zabra
leads -> true
== leader selector
leads beside another -> false
leader -> zabra
participants -> [curator false, zabra true]
leads -> true
== counter
number -> 3
more -> 8
number -> 10
== shared value
value -> seed and more
changed -> true
== barrier
passed -> false
passed -> true
== double barrier
entered -> true
left -> true
== group member
members -> {curator=of curator, zabra=of zabra}
members -> {curator=of curator}
== discovery
instance -> zabra 10.0.0.1 81 true DYNAMIC
left -> 1 curator
END`)
	})
}

func TestRecipesWithKazoo(t *testing.T) {
	eachAlone(t, harness.Config{}, func(t *testing.T, s *harness.Server) {
		p, prog := newPartner(t, s), env.PythonWith(s, "kazoo_recipes.py", s.Addr)
		p.on(prog, p.lockActs("/kazoo", recipes.Kazoo))
		p.on(prog, p.counterActs(recipes.NewCounter(p.c, "/kazoo/counter", recipes.Kazoo)))
		curators := recipes.NewLock(p.c, "/kazoo/curator-lock", recipes.Curator)
		q := recipes.NewQueue(p.c, "/kazoo/queue")
		p.on(prog, p.gateActs(recipes.NewBarrier(p.c, "/kazoo/gate")))
		p.on(prog, p.groupActs("party", "/kazoo/party", "0d5d4f6e111142228333444455556666__party__", "of kazoo"))
		p.on(prog, p.groupActs("shallow party", "/kazoo/shallow", "0d5d4f6e111142228333444455556666-zabra", "kazoo"))
		p.on(prog, map[string]func() error{
			"lock as curator":        func() error { return p.keep(curators.Lock(p.ctx)) },
			"is locked for curators": func() error { return refused(curators.Lock)(p.ctx) },
			"put":                    func() error { return q.Put(p.ctx, []byte("of zabra"), recipes.DefaultPriority) },
			"take": func() error {
				i, err := q.Take(p.ctx)
				if err != nil {
					return err
				}
				return errors.Join(want("item", string(i.Data), nil, "of kazoo"), i.Done(p.ctx))
			},
		})
		got := prog.Run(t)
		wantText(t, got, `== lock
acquired while the other holds it -> False
acquired -> True
acquired out of turn -> False
== names of the other kind
acquired while the other holds it -> False
acquired -> True
== read-write lock
read beside a reader -> True
write beside a reader -> False
write -> True
== election
contenders -> ['zabra']
leads beside another -> False
leads -> True
== counter
number -> 3
number -> 10
== queue
item -> of zabra
consumed -> True
== barrier
passed -> False
passed -> True
== double barrier
entered -> True
== party
of those who joined under another name -> []
members -> ['of kazoo', 'of zabra']
how many -> 2
members -> ['of kazoo']
== shallow party
members -> ['kazoo', 'zabra']
END`)
	})
}

func wantText(t *testing.T, got []string, text string) {
	t.Helper()
	if want := strings.Split(text, "\n"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), text)
	}
}
