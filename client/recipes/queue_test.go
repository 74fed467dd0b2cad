package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// leaver ends the caller's context when an item has been claimed, and then the answer is
// a different one, if it has one.
type leaver struct {
	someone
	leave  context.CancelFunc
	answer error
}

func (l leaver) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	made, err := l.someone.Create(ctx, path, data, o...)
	if strings.HasPrefix(path, "/q/taken/") {
		l.leave()
		if l.answer != nil {
			return "", l.answer
		}
	}
	return made, err
}

func (l leaver) Get(ctx context.Context, path string) ([]byte, client.Stat, error) {
	if ctx.Err() != nil { // of the client's own Get the answer may be quicker
		return nil, client.Stat{}, context.Cause(ctx)
	}
	return l.someone.Get(ctx, path)
}

// Delete does nothing for a caller that has gone, as a client without a connection.
func (l leaver) Delete(ctx context.Context, path string, version int32) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return l.someone.Delete(ctx, path, version)
}

// An item whose taker goes while it takes it is free again, although the session lives.
func TestTakerThatGoesLeavesTheItem(t *testing.T) {
	for _, answer := range []error{
		nil,
		context.Canceled,     // it was not waited for
		client.ErrNodeExists, // to a second try, when that to the first was lost
	} {
		s := testserver.Start(t)
		ctx, leave := context.WithCancel(t.Context())
		c := join(t, s, client.Options{})
		q := recipes.NewQueue(leaver{c, leave, answer}, "/q")
		if err := q.Put(ctx, nil, 1); err != nil {
			t.Fatal(err)
		}
		if item, err := q.Take(ctx); !errors.Is(err, context.Canceled) {
			t.Error(item, err)
		}
		eventually(t, "nobody has it", func() bool {
			names, _, err := c.Children(t.Context(), "/q/taken")
			return err == nil && len(names) == 0
		})
	}
}

// Every item is taken, by priority and age, by one taker at a time; none is lost or
// doubled although answers are.
func TestQueue(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	q := recipes.NewQueue(forget(join(t, s, client.Options{}), 1), "/q")
	for i := range 10 {
		if err := q.Put(ctx, fmt.Append(nil, i), recipes.DefaultPriority); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Put(ctx, []byte("urgent"), 1); err != nil {
		t.Fatal(err)
	}
	if err := q.Put(ctx, nil, 1000); err == nil {
		t.Error("a priority of 1000")
	}
	var got []string
	for range 11 {
		item, err := q.Take(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(item.Data))
		if err := item.Done(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != "[urgent 0 1 2 3 4 5 6 7 8 9]" {
		t.Error(got)
	}
}

// An item that somebody else takes and finishes after it was seen is not handed out again.
func TestItemThatIsFinishedMeanwhile(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	other := recipes.NewQueue(join(t, s, client.Options{}), "/q")
	for _, item := range []string{"x", "y"} {
		if err := other.Put(ctx, []byte(item), 1); err != nil {
			t.Fatal(err)
		}
	}
	slow := &meddled{someone: join(t, s, client.Options{}), lose: true, claim: func() {
		item, err := other.Take(ctx)
		if err == nil {
			err = item.Done(ctx)
		}
		if err != nil {
			t.Error(err)
		}
	}}
	item, err := recipes.NewQueue(slow, "/q").Take(ctx)
	if err != nil || string(item.Data) != "y" {
		t.Fatal(item, err)
	}
	eventually(t, "nothing else is taken", func() bool {
		names, _, err := slow.Children(ctx, "/q/taken")
		return len(names) == 1 && err == nil
	})
}

// Who has lost an item with its session cannot finish it any more.
func TestItemOfASessionThatIsOver(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a, b := join(t, s, client.Options{SessionTimeout: brief}), join(t, s, client.Options{})
	qb := recipes.NewQueue(b, "/q")
	if err := qb.Put(ctx, []byte("x"), 1); err != nil {
		t.Fatal(err)
	}
	item, err := recipes.NewQueue(a, "/q").Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a.way.Cut(true)
	wait(t, item.Lost(), "lost")
	again, err := qb.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a.way.Unblock()
	eventually(t, "another session", func() bool { return a.Session().Alive() })
	if err := item.Done(ctx); !errors.Is(err, client.ErrSessionExpired) {
		t.Error(err)
	}
	if err := item.Return(ctx); err == nil {
		t.Error("somebody else's item is given back")
	}
	if err := again.Done(ctx); err != nil {
		t.Error(err)
	}
}

// What a taker does not finish is handed to the next.
func TestUnfinishedItemsComeBack(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a, b := join(t, s, client.Options{}), join(t, s, client.Options{})
	qa, qb := recipes.NewQueue(a, "/q"), recipes.NewQueue(b, "/q")
	if err := qa.Put(ctx, []byte("x"), 5); err != nil {
		t.Fatal(err)
	}
	item, err := qa.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *recipes.Item)
	go func() {
		item, err := qb.Take(ctx)
		if err != nil {
			t.Error(err)
		}
		got <- item
	}()
	select {
	case <-got:
		t.Error("two have one item")
	case <-time.After(50 * time.Millisecond):
	}
	if err := item.Return(ctx); err != nil {
		t.Fatal(err)
	}
	again := <-got
	if err := item.Done(ctx); err == nil {
		t.Error("an item that was given back is done")
	}
	b.Close() // with the item
	wait(t, again.Lost(), "lost")
	item, err = qa.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := item.Done(ctx); err != nil {
		t.Error(err)
	}
}
