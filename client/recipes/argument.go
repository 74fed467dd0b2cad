package recipes

import (
	"fmt"
	"strings"

	"github.com/zabra/zabra/client"
)

// An ArgumentError says what cannot be asked of a recipe. It is a client.ErrBadArguments.
type ArgumentError struct {
	What  string
	Value string
	Want  string
}

// Error says what is wrong, and what is not.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("recipes: %s cannot be %q: want %s", e.What, e.Value, e.Want)
}

// Is makes it a client.ErrBadArguments.
func (*ArgumentError) Is(target error) bool { return target == client.ErrBadArguments }

// checkName refuses what is not the name of one node: with a / in it the node would be
// made, but somewhere else.
func checkName(what, name string) error {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return &ArgumentError{what, name, "the name of a node, without /"}
	}
	return nil
}
