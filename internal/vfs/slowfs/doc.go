// Package slowfs makes a file system stall.
package slowfs
