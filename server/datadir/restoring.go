package datadir

import (
	"errors"
	"fmt"

	"github.com/zabra/zabra/wire"
)

// A Restoring is what the file RestoreMark holds: the checkpoint that is about to replace
// the state. A start that finds that one complete has to forget the log. The zxid alone
// would not do: a snapshot of a leader may stand where the own checkpoint does, and if it
// was interrupted the log behind that is all there is.
type Restoring struct {
	Zxid   wire.Zxid
	Number uint64 // of the checkpoint, in the store
}

// MaxRestoring is the most bytes that the file holds.
const MaxRestoring = 64

// Append appends the text of the file, "zxid number" in decimal and on a second line the
// checksum of that, as in AppendEpoch.
func (r Restoring) Append(b []byte) []byte {
	return appendSum(b, fmt.Sprintf("%d %d", int64(r.Zxid), r.Number))
}

// ErrRestoring says that what the file holds was not written by Append.
var ErrRestoring = errors.New("want a zxid and the number of a checkpoint, and on the next line their checksum")

// ParseRestoring reads what Append wrote.
func ParseRestoring(text []byte) (r Restoring, err error) {
	var z int64
	if n, _ := fmt.Sscanf(string(text), "%d %d\n", &z, &r.Number); n == 2 {
		r.Zxid = wire.Zxid(z)
		if string(r.Append(nil)) == string(text) {
			return r, nil
		}
	}
	return Restoring{}, ErrRestoring
}
