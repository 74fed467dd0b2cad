package recipes

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/client"
)

// An Instance is one that offers a service, in Curator's form.
type Instance struct {
	Name                string          `json:"name"`
	ID                  string          `json:"id"`
	Address             string          `json:"address"`
	Port                *int            `json:"port"`
	SSLPort             *int            `json:"sslPort"`
	Payload             json.RawMessage `json:"payload"`
	RegistrationTimeUTC int64           `json:"registrationTimeUTC"` // milliseconds since 1970
	ServiceType         string          `json:"serviceType"`         // Dynamic, Static or Permanent
	URISpec             json.RawMessage `json:"uriSpec"`
	Enabled             *bool           `json:"enabled,omitempty"` // absent is true
}

// Curator's types of services.
const (
	Dynamic   = "DYNAMIC"   // the instance goes with its program; so does one without a type
	Static    = "STATIC"    // it stays until its Presence is closed, also when its program is gone
	Permanent = "PERMANENT" // the same
)

// Ready reports whether the instance may be given to callers.
func (i *Instance) Ready() bool { return i.Enabled == nil || *i.Enabled }

// A Discovery is a catalogue of services: nodes base/name/id with Curator's JSON.
type Discovery struct {
	tree client.Tree
	base string
}

// NewDiscovery makes a catalogue of the node at base, which need not be there.
func NewDiscovery(tree client.Tree, base string) *Discovery { return &Discovery{tree, base} }

// check refuses what would be registered where nobody looks, and types that nobody knows
// what to do with.
func (i *Instance) check() error {
	if err := checkName("the name of a service", i.Name); err != nil {
		return err
	}
	if err := checkName("the id of an instance", i.ID); err != nil {
		return err
	}
	switch i.ServiceType {
	case Dynamic, Static, Permanent:
		return nil
	}
	return &ArgumentError{"the type of a service", i.ServiceType, "DYNAMIC, STATIC or PERMANENT"}
}

// Register offers a service until the Presence is closed, over all sessions. An empty
// ID gets a random one. An instance whose type is Static or Permanent stays when its
// program ends without closing the Presence.
func (d *Discovery) Register(ctx context.Context, i *Instance) (*Presence, error) {
	if i.ID == "" {
		i.ID = guid()
	}
	if i.ServiceType == "" {
		i.ServiceType = Dynamic
	}
	if err := i.check(); err != nil {
		return nil, err
	}
	if i.RegistrationTimeUTC == 0 {
		i.RegistrationTimeUTC = time.Now().UnixMilli()
	}
	data, err := json.Marshal(i)
	if err != nil {
		return nil, err
	}
	return announce(ctx, &Presence{tree: d.tree, path: join(join(d.base, i.Name), i.ID), stay: i.ServiceType != Dynamic, data: data})
}

// Names returns the names of all services.
func (d *Discovery) Names(ctx context.Context) ([]string, error) {
	names, _, err := d.tree.Children(ctx, d.base)
	return names, unless(err, client.ErrNoNode)
}

// ErrNoInstance says that nobody offers the service.
var ErrNoInstance = errors.New("recipes: no instance offers the service")

// A Strategy picks one of the instances there are, of which there is at least one.
type Strategy func([]*Instance) *Instance

// RoundRobin picks one after the other.
func RoundRobin() Strategy {
	var n atomic.Uint64
	return func(all []*Instance) *Instance { return all[(n.Add(1)-1)%uint64(len(all))] }
}

// Random picks any.
func Random() Strategy {
	return func(all []*Instance) *Instance { return all[rand.IntN(len(all))] }
}

// Sticky picks the same one as long as it is there.
func Sticky(pick Strategy) Strategy {
	var last atomic.Pointer[string]
	return func(all []*Instance) *Instance {
		if id := last.Load(); id != nil {
			for _, i := range all {
				if i.ID == *id {
					return i
				}
			}
		}
		i := pick(all)
		last.Store(&i.ID)
		return i
	}
}

// A Provider knows who offers one service.
type Provider struct {
	cache *Cache
	pick  Strategy
}

// Provider follows who offers a service, which may be nobody yet.
func (d *Discovery) Provider(ctx context.Context, name string, pick Strategy) (*Provider, error) {
	c, err := NewCache(ctx, d.tree, join(d.base, name), WithChildren, nil)
	if err != nil {
		return nil, err
	}
	return &Provider{c, pick}, nil
}

// Instances returns all that are enabled, by id. Nodes that hold something else are
// left out.
func (p *Provider) Instances() (list []*Instance) {
	for e := range p.cache.All() {
		i := new(Instance)
		if e.Path != p.cache.root && json.Unmarshal(e.Data, i) == nil && i.Ready() {
			list = append(list, i)
		}
	}
	return list
}

// Instance picks one, or fails with ErrNoInstance.
func (p *Provider) Instance() (*Instance, error) {
	all := p.Instances()
	if len(all) == 0 {
		return nil, ErrNoInstance
	}
	return p.pick(all), nil
}

// Close ends following.
func (p *Provider) Close() { p.cache.Close() }
