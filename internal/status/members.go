package status

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/quorum"
)

// A found is what a session at a given address told.
type found struct {
	address string
	id      byte // of the server that made the session
	config  quorum.Config
	ok      bool
}

// lookGrace is how long others are waited for when one address has told the
// configuration.
const lookGrace = 500 * time.Millisecond

// look learns from the given addresses who else belongs to the ensemble.
func (a *Asker) look(ctx context.Context) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	answers := make(chan found, len(a.o.Servers))
	for _, address := range a.o.Servers {
		go func() { answers <- a.lookAt(ctx, address) }()
	}
	var all []found
	for range a.o.Servers {
		select {
		case f := <-answers:
			if f.ok {
				time.AfterFunc(lookGrace, cancel)
			}
			all = append(all, f)
		case <-ctx.Done():
		}
	}
	m := merge(a.o.Servers, all, a.sameHost)
	if len(m.config.Servers) > 0 || len(a.members.config.Servers) == 0 {
		a.members = m
	}
	if slices.ContainsFunc(all, func(f found) bool { return f.ok }) {
		a.looked = time.Now()
	}
}

// lookAt opens a session at one address and reads the configuration.
func (a *Asker) lookAt(ctx context.Context, address string) found {
	f := found{address: address}
	c, err := client.Open(ctx, address, client.Options{ReadOnly: true, Auth: a.o.Auth, SASL: a.o.SASL, TLS: a.o.TLS,
		Dial: a.o.Dial, SessionTimeout: 10 * time.Second})
	if err != nil {
		return f
	}
	defer c.Close()
	f.id = byte(uint64(c.Session().ID) >> 56)
	text, _, err := c.Ensemble(ctx)
	if err != nil {
		return f
	}
	f.ok = true
	if len(text) == 0 { // it stands alone
		return f
	}
	f.config, err = quorum.Parse(text)
	f.ok = err == nil
	return f
}

// sameHost reports whether two names or addresses of hosts stand for one.
func (a *Asker) sameHost(x, y string) bool {
	if strings.EqualFold(x, y) {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookGrace)
	defer cancel()
	xs, err := net.DefaultResolver.LookupHost(ctx, x)
	if err != nil {
		return false
	}
	ys, err := net.DefaultResolver.LookupHost(ctx, y)
	return err == nil && slices.ContainsFunc(xs, func(h string) bool { return slices.Contains(ys, h) })
}
