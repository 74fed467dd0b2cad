//go:build !unix

package osfs

import "io/fs"

func keepOwner(fs.FileInfo, string) {}
