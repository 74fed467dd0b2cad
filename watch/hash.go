package watch

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// Odd constants with no structure: digits of the golden ratio and of pi.
const (
	mulA = 0x9e3779b97f4a7c15
	mulB = 0x243f6a8885a308d3
)

// hashPath hashes a path one component at a time, so that the hashes of all its
// ancestors fall out on the way. With a seed that clients do not know they cannot
// choose paths that collide.
func hashPath(seed uint64, path string) uint64 {
	h := seed
	for {
		i := strings.IndexByte(path, '/')
		if i < 0 {
			return hashComponent(seed, h, path)
		}
		h = hashComponent(seed, h, path[:i])
		path = path[i+1:]
	}
}

// hashComponent continues h, the hash of all components before, by one more,
// eight bytes at a time.
func hashComponent(seed, h uint64, name string) uint64 {
	n := uint64(len(name))
	for ; len(name) >= 8; name = name[8:] {
		h = mix(h^binary.LittleEndian.Uint64([]byte(name[:8])), seed^mulB)
	}
	var tail uint64
	for i := range len(name) {
		tail |= uint64(name[i]) << (8 * i)
	}
	return mix(h^tail, seed^mulA^n<<32)
}

// hashPair hashes what a watcher holds on a path.
func hashPair(seed uint64, path uint32, watcher WatcherID) uint32 {
	return uint32(mix(seed^(uint64(path)<<32|uint64(watcher)), mulB))
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b|1)
	return hi ^ lo
}
