package cli

import (
	"context"

	"github.com/zabra/zabra/client"
)

// A Service is what commands run against: a *client.Client, or what a test puts in
// its place.
type Service interface {
	client.Tree
	GetACL(ctx context.Context, path string) ([]client.ACL, client.Stat, error)
	SetACL(ctx context.Context, path string, acl []client.ACL, version int32) (client.Stat, error)
	Count(ctx context.Context, path string) (int, error)
	Ephemerals(ctx context.Context, prefix string) ([]string, error)
	WhoAmI(ctx context.Context) ([]client.Identity, error)
	AddAuth(ctx context.Context, a client.Auth) error
	Ensemble(ctx context.Context) ([]byte, client.Stat, error)
	EnsembleW(ctx context.Context) ([]byte, client.Stat, *client.Watch, error)
	Reconfigure(ctx context.Context, r client.Reconfig) ([]byte, client.Stat, error)
	State() client.State
	States(ctx context.Context) <-chan client.StateChange
	Close() error
}

var _ Service = (*client.Client)(nil)

// A Dialler opens a session with servers, a connect string as zkCli takes it.
type Dialler func(ctx context.Context, servers string, auth []client.Auth) (Service, error)
