//go:build plant

package main

import "github.com/zabra/zabra/internal/plant"

func plantBug(name string) error {
	plant.Plant(plant.Bug(name))
	return nil
}
