package recipes_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// A config is what the node says, as long as that can be used.
func TestConfig(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a, b := join(t, s, client.Options{}), join(t, s, client.Options{})
	parse := func(data []byte) (int, error) {
		if data == nil {
			return -1, nil
		}
		return strconv.Atoi(string(data))
	}
	c, err := recipes.NewConfig(ctx, a, "/n", parse)
	if err != nil || c.Get() != -1 {
		t.Fatal(c, err)
	}
	want := func(n int, bad bool) {
		t.Helper()
		for deadline := time.After(time.Minute); ; {
			changed := c.Changed()
			if c.Get() == n && (c.Err() != nil) == bad {
				return
			}
			select {
			case <-changed:
			case <-deadline:
				t.Fatalf("%d, %v; want %d", c.Get(), c.Err(), n)
			}
		}
	}
	b.Create(ctx, "/n", []byte("1"))
	want(1, false)
	b.Set(ctx, "/n", []byte("one"), client.AnyVersion)
	want(1, true)
	if _, err := recipes.NewConfig(ctx, a, "/n", parse); err == nil {
		t.Error("a config that cannot be parsed")
	}
	a.way.Cut(true)
	b.Set(ctx, "/n", []byte("2"), client.AnyVersion)
	a.way.Unblock()
	want(2, false)
	b.Delete(ctx, "/n", client.AnyVersion)
	want(-1, false)
	a.Close()
	want(-1, true)
	c.Close()
}
