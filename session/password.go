package session

import (
	"crypto/subtle"
	"encoding/binary"

	"github.com/zabra/zabra/wire"
)

// passwordSalt is what ZooKeeper mixes into the id to seed its passwords.
const passwordSalt = 0xB3415C00

// The linear congruential generator of java.util.Random.
const (
	lcgMultiplier = 0x5DEECE66D
	lcgIncrement  = 0xB
	lcgMask       = 1<<48 - 1
)

// Password computes the password that belongs to a session id: the first 16
// bytes of java.util.Random seeded with the salted id.
func Password(id wire.SessionID) [wire.PasswdLen]byte {
	var p [wire.PasswdLen]byte
	state := (uint64(id) ^ passwordSalt ^ lcgMultiplier) & lcgMask
	for i := 0; i < len(p); i += 4 {
		state = (state*lcgMultiplier + lcgIncrement) & lcgMask
		binary.LittleEndian.PutUint32(p[i:], uint32(state>>16))
	}
	return p
}

// ValidPassword reports whether passwd belongs to the session id, in a time that
// does not depend on where they differ. No password belongs to id 0.
func ValidPassword(id wire.SessionID, passwd []byte) bool {
	want := Password(id)
	return subtle.ConstantTimeCompare(want[:], passwd) == 1 && id != 0
}
