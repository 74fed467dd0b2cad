package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// A FileError says which file of a store is damaged, and where.
type FileError struct {
	File   string
	Offset int64
	Reason string
}

func (e *FileError) Error() string {
	return fmt.Sprintf("%s: %s at offset %d", e.File, e.Reason, e.Offset)
}

// checkTables checks the tables that the manifest names. Badger does not do that
// well itself: a table with a damaged footer ends the process, and an iterator
// that meets a damaged block just ends, as if there were no more.
func checkTables(o badger.Options) error {
	tables, err := referenced(o)
	for i := 0; i < len(tables) && err == nil; i++ {
		err = checkFile(tables[i])
	}
	return err
}

func checkFile(file string) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &FileError{file, 0, "the table is missing"}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return checkTable(file, f, info.Size())
}

// checkTable checks one table: blocks, index, length of the index, checksum of
// the index, length of the checksum. Lengths are 4 bytes, big endian.
func checkTable(file string, f io.ReaderAt, size int64) error {
	damaged := func(at int64, reason string) error { return &FileError{file, at, reason} }
	r := reader{f: f}
	sum, behind, err := r.tail(size, maxChecksum)
	if err != nil {
		return orDamaged(err, damaged(max(size-4, 0), "no room for the checksum of the index"))
	}
	sum = bytes.Clone(sum)
	index, end, err := r.tail(behind, behind)
	if err == nil && len(index) < 8 {
		err = errNoRoom
	}
	if err != nil {
		return orDamaged(err, damaged(behind, "no room for the index"))
	}
	if !sumMatches(index, sum) {
		return damaged(end, "bad checksum of the index")
	}
	table := fb.GetRootAsTableIndex(bytes.Clone(index), 0)
	var at fb.BlockOffset
	for i := range table.OffsetsLength() {
		if !table.Offsets(&at, i) {
			return damaged(end, "an index without its blocks")
		}
		from, n := int64(at.Offset()), int64(at.Len())
		if from+n > end {
			return damaged(from, "a block behind the end")
		}
		b, err := r.read(from, n)
		if err != nil {
			return orDamaged(err, damaged(from, "a block is missing"))
		}
		if !blockMatches(b) {
			return damaged(from, "bad checksum of a block")
		}
	}
	return nil
}

// maxChecksum bounds an encoded pb.Checksum.
const maxChecksum = 64

// errNoRoom says that a file has fewer bytes than are read.
var errNoRoom = errors.New("no room")

// orDamaged returns damage if err comes from the content of a file, and err if it
// comes from the disk.
func orDamaged(err, damage error) error {
	if errors.Is(err, errNoRoom) {
		return damage
	}
	return err
}

// A reader reads parts of a file into one buffer.
type reader struct {
	f   io.ReaderAt
	buf []byte
}

// read reads n bytes, which are valid until the next call.
func (r *reader) read(at, n int64) ([]byte, error) {
	r.buf = slices.Grow(r.buf[:0], int(n))[:n]
	k, err := r.f.ReadAt(r.buf, at)
	switch {
	case k == len(r.buf):
		return r.buf, nil
	case err == io.EOF:
		return nil, errNoRoom
	}
	return nil, err
}

// tail reads what stands before its own length at end, up to most bytes, and
// says where that begins.
func (r *reader) tail(end, most int64) (b []byte, at int64, err error) {
	if end < 4 {
		return nil, 0, errNoRoom
	}
	if b, err = r.read(end-4, 4); err != nil {
		return nil, 0, err
	}
	n := int64(binary.BigEndian.Uint32(b))
	if n > most || n > end-4 {
		return nil, 0, errNoRoom
	}
	at = end - 4 - n
	b, err = r.read(at, n)
	return b, at, err
}

// blockMatches checks a block: what the checksum is about, the checksum, its
// length.
func blockMatches(b []byte) bool {
	sum, data, ok := cutTail(b)
	return ok && sumMatches(data, sum)
}

// cutTail cuts off what stands before its own length at the end of b.
func cutTail(b []byte) (tail, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(b[len(b)-4:]))
	if n > uint64(len(b)-4) {
		return nil, nil, false
	}
	end := len(b) - 4
	return b[end-int(n) : end], b[:end-int(n)], true
}

// sumMatches reports whether sum, an encoded pb.Checksum, is that of data.
func sumMatches(data, sum []byte) bool {
	var want pb.Checksum
	if proto.Unmarshal(sum, &want) != nil || want.Algo != pb.Checksum_CRC32C && want.Algo != pb.Checksum_XXHash64 {
		return false
	}
	return y.VerifyChecksum(data, &want) == nil
}
