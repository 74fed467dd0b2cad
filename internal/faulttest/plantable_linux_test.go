//go:build plant

package faulttest

import (
	"flag"

	"github.com/zabra/zabra/internal/plant"
)

var plantFlag = flag.String("plant", "", "a bug of the recipes of the Go client")

// plantInRecipes plants the bug that was asked for in this process, where the recipes
// are, and reports whether there was one.
func plantInRecipes() bool {
	plant.Plant(plant.Bug(*plantFlag))
	return *plantFlag != ""
}
