package vfs

import "io"

// An FS is a file system. Its methods may be called from several goroutines.
type FS interface {
	// Create makes a new, empty file and opens it for reading and writing. It
	// fails with fs.ErrExist if the name is taken: nothing is overwritten by
	// accident.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenReadWrite opens an existing file for reading and writing.
	OpenReadWrite(name string) (File, error)
	// Remove deletes a file or an empty directory. Open files stay readable.
	Remove(name string) error
	// Rename gives a file another name, replacing what had it.
	Rename(from, to string) error
	// MkdirAll makes a directory and its parents, durably. It is no error if
	// they exist.
	MkdirAll(dir string) error
	// List returns the names in a directory, sorted.
	List(dir string) ([]string, error)
	// Stat describes a file or directory.
	Stat(name string) (Info, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock that goes away with the process. It creates
	// the file if need be and leaves it there. It fails with ErrLocked if
	// another holder has it.
	Lock(name string) (io.Closer, error)
	// Free returns how many bytes an unprivileged process may still write on
	// the volume that holds dir.
	Free(dir string) (uint64, error)
}

// A File is an open file. ReadAt may be called from several goroutines, also
// beside the other methods; those need one caller at a time.
//
// io.NewSectionReader and io.NewOffsetWriter make a stream of it.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the content and the size durable (fdatasync on Linux).
	Sync() error
	// Truncate sets the size. What is added reads as zeros.
	Truncate(size int64) error
	// Preallocate reserves space so that the file can hold size bytes, and makes
	// it at least that long; what is added reads as zeros. The first write to a
	// reserved block still changes file system metadata; only writing the zeros
	// avoids that.
	Preallocate(size int64) error
	// Size returns the length in bytes.
	Size() (int64, error)
}

// Info is what Stat tells.
type Info struct {
	Size int64 // bytes; 0 for a directory
	Dir  bool
}

// ErrLocked is returned by FS.Lock when somebody else holds the lock.
var ErrLocked = lockedError{}

type lockedError struct{}

func (lockedError) Error() string { return "locked by another process" }
