package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
	"pgregory.net/rapid"
)

func TestDeadlineIsRoundedUpToTheTick(t *testing.T) {
	tr := NewTracker(2000)
	for _, c := range []struct {
		now     int64
		timeout int32
		want    int64
	}{
		{0, 4000, 6000}, {1, 4000, 6000}, {1999, 4000, 6000}, {2000, 4000, 8000}, {500, 4500, 6000},
	} {
		if got := tr.Deadline(c.now, c.timeout); got != c.want {
			t.Errorf("Deadline(%d, %d) = %d, want %d", c.now, c.timeout, got, c.want)
		}
	}
}

func TestSessionLivesBetweenTimeoutAndOneTickMore(t *testing.T) {
	tr := NewTracker(2000)
	tr.Add(1, 4000, 1000)
	for now := int64(0); now < 1000+4000; now += 100 {
		if due := tr.Due(now, nil); len(due) > 0 {
			t.Fatalf("due at %d, before its timeout", now)
		}
	}
	if due := tr.Due(1000+4000+2000, nil); !slices.Equal(due, []wire.SessionID{1}) {
		t.Fatalf("not due a tick after its timeout: %v", due)
	}
}

func TestDueSessionIsTheCallers(t *testing.T) {
	tr := NewTracker(1000)
	for id := wire.SessionID(5); id > 0; id-- {
		tr.Add(id, 3000, 0)
	}
	due := tr.Due(4500, nil)
	if !slices.Equal(due, []wire.SessionID{1, 2, 3, 4, 5}) {
		t.Fatalf("due: %v", due)
	}
	if again := tr.Due(9000, nil); len(again) > 0 {
		t.Errorf("due twice: %v", again)
	}
	if tr.Touch(1, 3000, 0) {
		t.Error("touched with what the tracker knew already, a session outlives its bucket")
	}
	tr = NewTracker(1000)
	tr.Add(1, 3000, 0)
	tr.Due(4500, nil)
	if !tr.Touch(1, 3000, 2000) {
		t.Error("activity that the tracker had not seen does not save the session")
	}
	if due := tr.Due(5999, nil); len(due) > 0 {
		t.Errorf("due too early: %v", due)
	}
	if due := tr.Due(6000, nil); len(due) != 1 {
		t.Error("not due in its new bucket")
	}
}

func TestClosingSessionStaysClosed(t *testing.T) {
	tr := NewTracker(1000)
	tr.Add(1, 3000, 0)
	if !tr.Close(1) || tr.Close(1) {
		t.Error("Close is true exactly once")
	}
	if tr.Touch(1, 3000, 100) || tr.Add(1, 3000, 100) || tr.Alive(1) {
		t.Error("a closing session came back to life")
	}
	if due := tr.Due(100_000, nil); len(due) > 0 {
		t.Errorf("a closing session is due: %v", due)
	}
	if tr.Len() != 1 || !tr.Remove(1) || tr.Remove(1) || tr.Len() != 0 {
		t.Error("a closing session is tracked until it is removed")
	}
	if tr.Close(1) || tr.Touch(1, 1, 1) || tr.SetTimeout(1, 5) {
		t.Error("an unknown session can be changed")
	}
	if !tr.Add(1, 3000, 200) || !tr.Alive(1) {
		t.Error("a removed session cannot be added again")
	}
}

func TestTimeoutIsKeptApartFromTouching(t *testing.T) {
	tr := NewTracker(1000)
	tr.Add(1, 3000, 0)
	tr.Touch(1, 9000, 0)
	if ms, ok := tr.Timeout(1); ms != 3000 || !ok {
		t.Errorf("timeout %d, want that of Add", ms)
	}
	if deadline, _ := tr.Next(); deadline != 10000 {
		t.Errorf("deadline %d, want that of Touch", deadline)
	}
	tr.SetTimeout(1, 5000)
	if ms, _ := tr.Timeout(1); ms != 5000 {
		t.Errorf("timeout %d after SetTimeout", ms)
	}
	if _, ok := tr.Timeout(2); ok {
		t.Error("an unknown session has a timeout")
	}
}

// A stalled server must not put a session into a bucket that has gone by.
func TestAddAfterItsBucketIsDueNext(t *testing.T) {
	tr := NewTracker(1000)
	tr.Due(50_000, nil)
	tr.Add(1, 3000, 0)
	if deadline, ok := tr.Next(); !ok || deadline != 51_000 {
		t.Errorf("next deadline %d, %v", deadline, ok)
	}
}

// twin is the tracker done the slow way.
type twin struct {
	tick, due int64
	all       map[wire.SessionID]*twinSession
}

type twinSession struct {
	deadline int64
	timeout  int32
	state    state
}

func (w *twin) deadline(now int64, timeout int32) int64 {
	d := now + int64(timeout)
	for d++; d%w.tick != 0; d++ {
	}
	return d
}

func (w *twin) touch(id wire.SessionID, timeout int32, heard int64) bool {
	s := w.all[id]
	d := w.deadline(heard, timeout)
	if s == nil || s.state == closing || d <= w.due {
		return false
	}
	s.deadline, s.state = d, waiting
	return true
}

func (w *twin) takeDue(now int64) []wire.SessionID {
	var ids []wire.SessionID
	for id, s := range w.all {
		if s.state == waiting && s.deadline <= now {
			ids = append(ids, id)
			s.state = handed
		}
	}
	slices.SortFunc(ids, func(a, b wire.SessionID) int {
		if da, db := w.all[a].deadline, w.all[b].deadline; da != db {
			return int(da - db)
		}
		return int(a - b)
	})
	w.due = max(w.due, now-now%w.tick)
	return ids
}

func (w *twin) buckets() string {
	byDeadline := map[int64][]wire.SessionID{}
	for id, s := range w.all {
		if s.state == waiting {
			byDeadline[s.deadline] = append(byDeadline[s.deadline], id)
		}
	}
	text := ""
	var deadlines []int64
	for d := range byDeadline {
		deadlines = append(deadlines, d)
	}
	slices.Sort(deadlines)
	for _, d := range deadlines {
		slices.Sort(byDeadline[d])
		text += fmt.Sprintln(d, byDeadline[d])
	}
	return text
}

func bucketsOf(tr *Tracker) string {
	text := ""
	for d, ids := range tr.Buckets() {
		text += fmt.Sprintln(d, ids)
	}
	return text
}

func TestTrackerAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tick := rapid.Int64Range(1, 7).Draw(t, "tick")
		tr, tw := NewTracker(tick), &twin{tick: tick, all: map[wire.SessionID]*twinSession{}}
		now := int64(0)
		ids := rapid.Custom(func(t *rapid.T) wire.SessionID {
			return wire.SessionID(rapid.IntRange(1, 12).Draw(t, "id"))
		})
		timeouts := rapid.Int32Range(0, 30)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				id, ms := ids.Draw(t, "id"), timeouts.Draw(t, "timeout")
				got, s := tr.Add(id, ms, now), tw.all[id]
				if got != (s == nil) {
					t.Fatalf("Add(%v) = %v", id, got)
				}
				if s == nil {
					s = &twinSession{deadline: tw.due + tick, state: waiting}
					tw.all[id] = s
				}
				s.timeout = ms
				tw.touch(id, ms, now)
			},
			"touch": func(t *rapid.T) {
				id, ms := ids.Draw(t, "id"), timeouts.Draw(t, "timeout")
				heard := now - rapid.Int64Range(0, min(now, 20)).Draw(t, "ago")
				if got, want := tr.Touch(id, ms, heard), tw.touch(id, ms, heard); got != want {
					t.Fatalf("Touch(%v, %d, %d) = %v, want %v", id, ms, heard, got, want)
				}
			},
			"close": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				s := tw.all[id]
				if got := tr.Close(id); got != (s != nil && s.state != closing) {
					t.Fatalf("Close(%v) = %v", id, got)
				}
				if s != nil {
					s.state = closing
				}
			},
			"remove": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				if got := tr.Remove(id); got != (tw.all[id] != nil) {
					t.Fatalf("Remove(%v) = %v", id, got)
				}
				delete(tw.all, id)
			},
			"due": func(t *rapid.T) {
				now += rapid.Int64Range(0, 40).Draw(t, "later")
				if got, want := tr.Due(now, nil), tw.takeDue(now); !slices.Equal(got, want) {
					t.Fatalf("Due(%d) = %v, want %v", now, got, want)
				}
			},
			"": func(t *rapid.T) {
				want := tw.buckets()
				if got := bucketsOf(tr); got != want {
					t.Fatalf("buckets are\n%swant\n%s", got, want)
				}
				if d, ok := tr.Next(); ok != (want != "") || ok && want[:len(fmt.Sprint(d))] != fmt.Sprint(d) {
					t.Fatalf("Next() = %d, %v of\n%s", d, ok, want)
				}
				if tr.Len() != len(tw.all) {
					t.Fatalf("Len() = %d, want %d", tr.Len(), len(tw.all))
				}
				last := wire.SessionID(0)
				for id, ms := range tr.All() {
					if id <= last || tw.all[id] == nil || tw.all[id].timeout != ms || tr.Alive(id) != (tw.all[id].state != closing) {
						t.Fatalf("All yields %v with %d ms after %v", id, ms, last)
					}
					last = id
				}
			},
		})
	})
}

func TestTouchAndDueDoNotAllocate(t *testing.T) {
	tr := NewTracker(2000)
	for id := range wire.SessionID(1000) {
		tr.Add(id+1, 30000, 0)
	}
	now, buf := int64(0), make([]wire.SessionID, 0, 1000)
	allocs := testing.AllocsPerRun(100, func() {
		now += 40000
		buf = tr.Due(now, buf[:0])
		for _, id := range buf {
			tr.Touch(id, 30000, now)
		}
	})
	if allocs > 0 || len(buf) != 1000 {
		t.Errorf("a round of %d sessions allocates %v times", len(buf), allocs)
	}
}

func BenchmarkTouch(b *testing.B) {
	const sessions = 100_000
	tr := NewTracker(2000)
	for id := range wire.SessionID(sessions) {
		tr.Add(id+1, 30000, 0)
	}
	r := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		tr.Touch(wire.SessionID(r.IntN(sessions)+1), 30000, int64(n/100))
	}
}

// BenchmarkRound is what a tick costs with 100,000 sessions that are all alive.
func BenchmarkRound(b *testing.B) {
	const sessions = 100_000
	tr := NewTracker(2000)
	for id := range wire.SessionID(sessions) {
		tr.Add(id+1, 30000, 0)
	}
	now, buf := int64(0), make([]wire.SessionID, 0, sessions)
	b.ReportAllocs()
	for b.Loop() {
		now += 40000
		buf = tr.Due(now, buf[:0])
		for _, id := range buf {
			tr.Touch(id, 30000, now)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/sessions, "ns/session")
}
