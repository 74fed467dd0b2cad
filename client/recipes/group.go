package recipes

import (
	"context"
	"slices"

	"github.com/zabra/zabra/client"
)

// A Group is a node whose children are its members.
type Group struct {
	tree client.Tree
	path string
}

// NewGroup makes a group of the node at path, which need not be there.
func NewGroup(tree client.Tree, path string) *Group { return &Group{tree, path} }

// Join makes the caller a member until the Presence is closed. The name is that of the
// member's node; two members must not have the same.
func (g *Group) Join(ctx context.Context, name string, data []byte) (*Presence, error) {
	if err := checkName("the name of a member", name); err != nil {
		return nil, err
	}
	return Announce(ctx, g.tree, join(g.path, name), data)
}

// Members returns the names, sorted.
func (g *Group) Members(ctx context.Context) ([]string, error) {
	names, _, err := g.tree.Children(ctx, g.path)
	slices.Sort(names)
	return names, unless(err, client.ErrNoNode)
}
