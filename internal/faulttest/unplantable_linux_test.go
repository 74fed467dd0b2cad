//go:build !plant

package faulttest

// plantInRecipes plants a bug in a build with the tag plant only.
func plantInRecipes() bool { return false }
