// Package faultfs makes chosen operations of a file system fail.
package faultfs
