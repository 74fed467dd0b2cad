// Package osfs is the vfs.FS of the operating system.
package osfs
