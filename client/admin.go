package client

import (
	"context"

	"github.com/zabra/zabra/wire"
)

// An Identity is one that a connection has.
type Identity struct{ Scheme, User string }

// WhoAmI returns the identities of the connection. Needs a server of 3.7 or later.
func (c *Client) WhoAmI(ctx context.Context) ([]Identity, error) {
	k := c.newCall(wire.OpWhoAmI, "")
	k.again, k.keep = true, true
	var r wire.WhoAmIResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	list := make([]Identity, 0, len(r.Clients))
	for _, who := range r.Clients {
		list = append(list, Identity{who.Scheme, who.User})
	}
	return list, c.conclude(k, &d, err)
}

// A Reconfig changes who belongs to the ensemble: Joining and Leaving change the
// members there are, or Members replaces them. Each is a list with commas between its
// elements, as ZooKeeper's reconfig command takes it.
type Reconfig struct {
	Joining string // server.N=... lines to add or change
	Leaving string // ids to remove
	Members string // all server.N=... lines
	// Version is that of the configuration to be changed, AnyVersion for any.
	Version int64
}

// Reconfigure changes the ensemble and returns its new configuration.
func (c *Client) Reconfigure(ctx context.Context, r Reconfig) ([]byte, Stat, error) {
	req := wire.ReconfigRequest{Joining: orNull(r.Joining), Leaving: orNull(r.Leaving), NewMembers: orNull(r.Members), CurConfigID: r.Version}
	k := c.newCall(wire.OpReconfig, "")
	k.frame = req.AppendTo(k.frame)
	k.keep = true
	var resp wire.GetDataResponse
	d, err := c.do(ctx, k)
	resp.DecodeFrom(&d)
	return resp.Data, resp.Stat, c.conclude(k, &d, err)
}

func orNull(s string) string {
	if s == "" {
		return wire.NullString
	}
	return s
}

// configPath is where servers keep the configuration, whatever the Client's root is.
const configPath = "/zookeeper/config"

// Ensemble returns the configuration of the ensemble, the data of /zookeeper/config
// whatever the Client's root is.
func (c *Client) Ensemble(ctx context.Context) ([]byte, Stat, error) {
	return c.ensemble(ctx, nil)
}

// EnsembleW is Ensemble, and leaves a watch for the next change of the configuration.
func (c *Client) EnsembleW(ctx context.Context) ([]byte, Stat, *Watch, error) {
	w := c.newWatch(dataWatch, configPath)
	c.watches.ask(w)
	data, st, err := c.ensemble(ctx, w)
	if err != nil {
		w.Close()
		return nil, Stat{}, nil, err
	}
	return data, st, w, nil
}

func (c *Client) ensemble(ctx context.Context, w *Watch) ([]byte, Stat, error) {
	req := wire.PathWatchRequest{Path: configPath, Watch: w != nil}
	k := c.newCall(wire.OpGetData, configPath)
	k.frame = req.AppendTo(k.frame)
	k.again, k.keep, k.watch = true, true, w
	var r wire.GetDataResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	return r.Data, r.Stat, c.conclude(k, &d, err)
}
