package recipes_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

func TestDiscovery(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	d := recipes.NewDiscovery(c, "/services")
	p, err := d.Provider(ctx, "web", recipes.RoundRobin())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Instance(); !errors.Is(err, recipes.ErrNoInstance) {
		t.Error(err)
	}
	port := 80
	one, err := d.Register(ctx, &recipes.Instance{Name: "web", ID: "1", Address: "10.0.0.1", Port: &port})
	if err != nil {
		t.Fatal(err)
	}
	off := false
	if _, err := d.Register(ctx, &recipes.Instance{Name: "web", ID: "2", Address: "10.0.0.2", Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Register(ctx, &recipes.Instance{Name: "web", Address: "10.0.0.3"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two instances", func() bool { return len(p.Instances()) == 2 })
	first, _ := p.Instance()
	second, _ := p.Instance()
	third, _ := p.Instance()
	if first.ID == second.ID || first.ID != third.ID {
		t.Error(first.ID, second.ID, third.ID)
	}
	data, _, err := c.Get(ctx, "/services/web/1")
	var fields map[string]any
	if err != nil || json.Unmarshal(data, &fields) != nil || fields["serviceType"] != "DYNAMIC" || fields["port"] != 80.0 {
		t.Errorf("%s %v", data, err)
	}
	if names, err := d.Names(ctx); err != nil || !slices.Equal(names, []string{"web"}) {
		t.Error(names, err)
	}
	if err := one.Close(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one instance", func() bool { return len(p.Instances()) == 1 })
}

// Sticky stays with what it has picked as long as that is there, and then with another.
func TestSticky(t *testing.T) {
	all := []*recipes.Instance{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	pick := recipes.Sticky(recipes.RoundRobin())
	for _, step := range []struct {
		there []*recipes.Instance
		want  string
	}{{all, "a"}, {all, "a"}, {[]*recipes.Instance{all[2], all[1], all[0]}, "a"}, {all[1:], "c"}, {all, "c"}, {[]*recipes.Instance{{ID: "c"}}, "c"}} {
		if got := pick(step.there); got.ID != step.want {
			t.Errorf("%s, want %s", got.ID, step.want)
		}
	}
}

// An instance that is not dynamic stays without its program, for whoever starts that
// again, and goes with its Presence.
func TestTypesOfServices(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	looker := join(t, s, client.Options{})
	look := func(id string) (st client.Stat, there bool) {
		st, there, err := looker.Exists(ctx, "/services/web/"+id)
		if err != nil {
			t.Error(err)
		}
		return st, there
	}
	for kind, stays := range map[string]bool{"": false, recipes.Dynamic: false, recipes.Static: true, recipes.Permanent: true} {
		id := "of-type-" + kind
		first := join(t, s, client.Options{})
		register := func(c someone) *recipes.Presence {
			t.Helper()
			p, err := recipes.NewDiscovery(forget(c, 5), "/services").Register(ctx, &recipes.Instance{Name: "web", ID: id, ServiceType: kind})
			if err != nil {
				t.Fatal(kind, err)
			}
			return p
		}
		register(first)
		if st, there := look(id); !there || (st.EphemeralOwner == 0) != stays {
			t.Errorf("%q: %v %x", kind, there, st.EphemeralOwner)
		}
		if err := first.Close(); err != nil { // as a program does that ends
			t.Fatal(err)
		}
		before, there := look(id)
		if there != stays {
			t.Errorf("%q: without its program it is there: %v", kind, there)
		}
		again := register(join(t, s, client.Options{}))
		if now, there := look(id); !there || stays && now.Czxid != before.Czxid {
			t.Errorf("%q: another node: %v", kind, there)
		}
		if stays {
			if err := looker.Delete(ctx, "/services/web/"+id, client.AnyVersion); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is made again", func() bool { _, there := look(id); return there })
		}
		if err := again.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if _, there := look(id); there {
			t.Errorf("%q: it is there behind Close", kind)
		}
	}
}

// What would be registered where nobody looks for it is refused, and nothing is made.
func TestNamesThatAreNone(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	d, g := recipes.NewDiscovery(c, "/services"), recipes.NewGroup(c, "/services")
	for _, i := range []recipes.Instance{{}, {Name: "a/b"}, {Name: "/a"}, {Name: "."}, {Name: ".."}, {Name: "a", ID: "b/c"}, {Name: "a", ID: ".."},
		{Name: "a", ServiceType: "DYNAMIC_SEQUENTIAL"}, {Name: "a", ServiceType: "static"}, {Name: "a\x00"}} {
		if _, err := d.Register(ctx, &i); !errors.Is(err, client.ErrBadArguments) {
			t.Errorf("%+v: %v", i, err)
		}
	}
	for _, name := range []string{"", "a/b", ".", "..", "/"} {
		if _, err := g.Join(ctx, name, nil); !errors.Is(err, client.ErrBadArguments) {
			t.Errorf("%q: %v", name, err)
		}
	}
	var bad *recipes.ArgumentError
	_, err := d.Register(ctx, &recipes.Instance{Name: "a/b"})
	if !errors.As(err, &bad) || err.Error() != `recipes: the name of a service cannot be "a/b": want the name of a node, without /` {
		t.Error(err)
	}
	if names, _, err := c.Children(ctx, "/services"); !errors.Is(err, client.ErrNoNode) {
		t.Error(names, err)
	}
}

// An instance is the JSON that Curator writes, and what is none is left out.
func TestInstancesOnTheWire(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	d := recipes.NewDiscovery(c, "/services")
	port := 80
	if _, err := d.Register(ctx, &recipes.Instance{Name: "web", ID: "1", Address: "10.0.0.1", Port: &port, RegistrationTimeUTC: 1325129459728}); err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"web","id":"1","address":"10.0.0.1","port":80,"sslPort":null,"payload":null,` +
		`"registrationTimeUTC":1325129459728,"serviceType":"DYNAMIC","uriSpec":null}`
	if data, _, err := c.Get(ctx, "/services/web/1"); err != nil || string(data) != want {
		t.Errorf("%s, %v\nwant %s", data, err, want)
	}
	began := time.Now().UnixMilli()
	now := &recipes.Instance{Name: "web", ID: "2"}
	if _, err := d.Register(ctx, now); err != nil || now.RegistrationTimeUTC < began {
		t.Error(now.RegistrationTimeUTC, err)
	}
	if _, err := c.Create(ctx, "/services/web/3", []byte("no JSON")); err != nil {
		t.Fatal(err)
	}
	p, err := d.Provider(ctx, "web", recipes.Random())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	picked := map[string]bool{}
	for range 200 {
		i, err := p.Instance()
		if err != nil {
			t.Fatal(err)
		}
		picked[i.ID] = true
	}
	if len(picked) != 2 || !picked["1"] || !picked["2"] {
		t.Error(picked)
	}
}
