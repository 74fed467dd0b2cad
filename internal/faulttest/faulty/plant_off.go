//go:build !plant

package main

import "errors"

func plantBug(string) error {
	return errors.New("bugs can be planted in a build with the tag plant only")
}
