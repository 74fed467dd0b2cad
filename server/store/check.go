package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

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

// checkTables checks the checksums of tables. Badger does not do that well
// itself: a table with a damaged footer ends the process, and an iterator that
// meets a damaged block just ends, as if there were no more.
func checkTables(files []string) error {
	for _, file := range files {
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return &FileError{file, 0, "the table is missing"}
		}
		if err != nil {
			return err
		}
		if err := checkTable(file, b); err != nil {
			return err
		}
	}
	return nil
}

// checkTable checks one table: blocks, index, length of the index, checksum of
// the index, length of the checksum. Lengths are 4 bytes, big endian.
func checkTable(file string, b []byte) error {
	damaged := func(at int, reason string) error { return &FileError{file, int64(at), reason} }
	sum, rest, ok := cutTail(b)
	if !ok {
		return damaged(max(len(b)-4, 0), "no room for the checksum of the index")
	}
	index, blocks, ok := cutTail(rest)
	if !ok || len(index) < 8 {
		return damaged(len(rest), "no room for the index")
	}
	if !sumMatches(index, sum) {
		return damaged(len(blocks), "bad checksum of the index")
	}
	table := fb.GetRootAsTableIndex(index, 0)
	var at fb.BlockOffset
	for i := range table.OffsetsLength() {
		if !table.Offsets(&at, i) {
			return damaged(len(blocks), "an index without its blocks")
		}
		from, to := uint64(at.Offset()), uint64(at.Offset())+uint64(at.Len())
		if to > uint64(len(blocks)) || !blockMatches(blocks[from:to]) {
			return damaged(int(from), "bad checksum of a block")
		}
	}
	return nil
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
