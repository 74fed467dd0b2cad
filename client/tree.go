package client

import "context"

// A Tree is what recipes and façades need of a service: a *Client, whether its
// connection goes through a network or to a server in the same process.
type Tree interface {
	Create(ctx context.Context, path string, data []byte, options ...CreateOption) (string, error)
	Delete(ctx context.Context, path string, version int32) error
	Get(ctx context.Context, path string) ([]byte, Stat, error)
	GetW(ctx context.Context, path string) ([]byte, Stat, *Watch, error)
	Set(ctx context.Context, path string, data []byte, version int32) (Stat, error)
	Exists(ctx context.Context, path string) (Stat, bool, error)
	ExistsW(ctx context.Context, path string) (Stat, bool, *Watch, error)
	Children(ctx context.Context, path string) ([]string, Stat, error)
	ChildrenW(ctx context.Context, path string) ([]string, Stat, *Watch, error)
	Sync(ctx context.Context, path string) error
	Commit(ctx context.Context, t *Txn) ([]Result, error)
	AddWatch(ctx context.Context, path string, recursive bool) (*Watch, error)
	MakePath(ctx context.Context, path string, options ...CreateOption) error
	Session() *Session
}

var _ Tree = (*Client)(nil)
