package datadir

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/zabra/zabra/wire"
)

// AppendEpoch appends what an epoch file holds: the number in decimal, as in
// ZooKeeper's, and on a second line the CRC32C of its digits, eight hexadecimal ones.
// One flipped bit would otherwise be another epoch.
func AppendEpoch(b []byte, e wire.Epoch) []byte {
	return appendSum(b, strconv.Itoa(int(e)))
}

// appendSum appends a line and its checksum.
func appendSum(b []byte, line string) []byte {
	return fmt.Appendf(b, "%s\n%08x\n", line, crc32.Checksum([]byte(line), castagnoli))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MaxEpochFile is the most bytes that an epoch file holds.
const MaxEpochFile = 32

var errEpoch = errors.New("want a number and on the next line its checksum")

// ParseEpoch reads what AppendEpoch wrote.
func ParseEpoch(text []byte) (wire.Epoch, error) {
	digits, _, _ := strings.Cut(string(text), "\n")
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 0 || string(AppendEpoch(nil, wire.Epoch(n))) != string(text) {
		return 0, errEpoch
	}
	return wire.Epoch(n), nil
}
