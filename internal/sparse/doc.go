// Package sparse copies files that are mostly holes, such as Badger's logs, without
// reading and writing their zeros.
package sparse
