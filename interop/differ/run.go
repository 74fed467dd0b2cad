package differ

import (
	"fmt"
	"slices"
	"strings"
)

// Slots is the number of sessions in a run.
const Slots = 6

// A Mismatch is a step whose outcomes differ.
type Mismatch struct {
	Seed          uint64
	Step          int
	What          Step
	First, Second Outcome
}

// Error tells what differed and how to see it again.
func (m *Mismatch) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, step %d: %v\n  body % x\n", m.Seed, m.Step, m.What, []byte(m.What.Body))
	for i := range max(len(m.First), len(m.Second)) {
		f, s := line(m.First, i), line(m.Second, i)
		mark := " "
		if f != s {
			mark = "≠"
		}
		fmt.Fprintf(&b, "  %s peer:    %s\n    subject: %s\n", mark, f, s)
	}
	return b.String()
}

func line(o Outcome, i int) string {
	if i < len(o) {
		return o[i]
	}
	return "-"
}

// A Plan says what a run is made of.
type Plan struct {
	Seed  uint64
	Steps int
	// Bursts sends several requests of a session at once every now and then. The
	// servers must not enforce quotas then: a check looks at what is applied, and
	// how far that has come in a burst is open.
	Bursts bool
	// Member says that one of the servers is a member of an ensemble: its
	// /zookeeper/config is another and left out.
	Member bool
}

// Run sends the steps of a plan to both servers, which must be fresh, and
// returns the first mismatch (the last thing compared are the whole trees), or
// another error when a server cannot be talked
// to. Progress, if not nil, hears about every step with the first outcome.
func Run(first, second string, p Plan, progress func(int, Step, Outcome)) error {
	a, err := NewSide(first, Slots)
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	defer a.Close()
	b, err := NewSide(second, Slots)
	if err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	defer b.Close()
	g := NewGenerator(p.Seed, Slots)
	g.Bursts, g.Member = p.Bursts, p.Member
	a.member, b.member = p.Member, p.Member
	for i := 1; i <= p.Steps; i++ {
		st := g.Next()
		oa, ob, err := both(a, b, st)
		if err != nil {
			return fmt.Errorf("seed %d, step %d: %v: %w", p.Seed, i, st, err)
		}
		if !slices.Equal(oa, ob) {
			return &Mismatch{p.Seed, i, st, oa, ob}
		}
		g.Learn(st, oa)
		if progress != nil {
			progress(i, st, oa)
		}
	}
	return compareTrees(a, b, &Mismatch{Seed: p.Seed, Step: p.Steps, What: Step{Text: "the trees at the end"}})
}

// both does the step on both servers at the same time.
func both(a, b *Side, st Step) (oa, ob Outcome, err error) {
	type answer struct {
		out Outcome
		err error
	}
	ch := make(chan answer, 1)
	go func() {
		out, err := b.Do(st)
		ch <- answer{out, err}
	}()
	oa, errA := a.Do(st)
	second := <-ch
	switch {
	case errA != nil:
		return nil, nil, fmt.Errorf("peer: %w", errA)
	case second.err != nil:
		return nil, nil, fmt.Errorf("subject: %w", second.err)
	}
	return oa, second.out, nil
}
