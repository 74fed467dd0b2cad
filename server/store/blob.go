package store

import (
	"encoding/binary"
	"hash/crc32"
)

// blobSize is the most that a blob has. A record longer than that is cut into
// blobs. A blob and what Badger puts around it just fit a block of a table.
const blobSize = blockSize - 512

// Before the records of a blob stands how many of them end in it, behind them a
// checksum of key, number and records.
const (
	blobHead = 4
	blobTail = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sealBlob completes b, which has room for the number of records at its
// beginning, as the value of key.
func sealBlob(b, key []byte, records int) []byte {
	binary.BigEndian.PutUint32(b, uint32(records))
	return binary.BigEndian.AppendUint32(b, checksum(key, b))
}

func checksum(key, b []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, b)
}

// openBlob checks a blob and returns what is in it.
func openBlob(b, key []byte) (content []byte, records int, err error) {
	if len(b) < blobHead+blobTail {
		return nil, 0, corrupt("a blob of %d bytes", len(b))
	}
	end := len(b) - blobTail
	if binary.BigEndian.Uint32(b[end:]) != checksum(key, b[:end]) {
		return nil, 0, corrupt("bad checksum")
	}
	return b[blobHead:end], int(binary.BigEndian.Uint32(b)), nil
}

// appendRecord appends a record of a group. A value of nil says that there is
// none any more.
func appendRecord(b []byte, index uint16, value []byte) []byte {
	b = binary.AppendUvarint(b, uint64(index))
	if value == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(value))+1), value...)
}

// maxRecordHead is the longest that stands before a record's value.
const maxRecordHead = 2 * binary.MaxVarintLen64

// cutRecord takes the first record off b. It is not whole if the rest of it is
// in the next blob.
func cutRecord(b []byte) (index uint16, value, rest []byte, whole bool, err error) {
	i, n := binary.Uvarint(b)
	if n < 0 || i >= groupSize {
		return 0, nil, nil, false, corrupt("a record with the number %d of %d", i, groupSize)
	}
	if n == 0 {
		return 0, nil, b, false, nil
	}
	size, k := binary.Uvarint(b[n:])
	if k < 0 {
		return 0, nil, nil, false, corrupt("a record with an endless length")
	}
	head := n + k
	if k == 0 || size > uint64(len(b)-head)+1 {
		return 0, nil, b, false, nil
	}
	if size == 0 {
		return uint16(i), nil, b[head:], true, nil
	}
	end := head + int(size-1)
	return uint16(i), b[head:end:end], b[end:], true, nil
}
