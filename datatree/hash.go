package datatree

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Odd constants with about as many ones as zeros, for the multiplications.
const (
	mix1 = 0x9e3779b97f4a7c15
	mix2 = 0xd1342543de82ef95
	mix3 = 0xa24baed4963ee407
)

func mum(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// childHash is the hash of the path whose parent has the hash parent and whose
// last component is name. The seed keeps clients from choosing names that
// collide; hashes never leave the process.
func childHash(seed uint64, parent uint32, name string) uint32 {
	h := seed ^ uint64(parent)*mix1
	b := unsafe.Slice(unsafe.StringData(name), len(name))
	for len(b) > 8 {
		h = mum(h^binary.LittleEndian.Uint64(b), mix2)
		b = b[8:]
	}
	var tail uint64
	if len(b) == 8 {
		tail = binary.LittleEndian.Uint64(b)
	} else {
		for i, c := range b {
			tail |= uint64(c) << (8 * i)
		}
	}
	h = mum(h^tail, mix3^uint64(len(name)))
	return uint32(mum(h, mix1))
}
