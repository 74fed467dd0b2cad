package session

import (
	"encoding/hex"
	"testing"

	"github.com/zabra/zabra/wire"
)

// Passwords that a ZooKeeper 3.9 server gave out.
var passwordVectors = []struct {
	id     uint64
	passwd string
}{
	{0x100001289bc0000, "866b37c59b5d50e3d4e8355adce234e9"},
	{0xff00000000000001, "054cc74a37327db215e702e20c73f005"},
}

func TestPasswordIsZooKeepers(t *testing.T) {
	for _, v := range passwordVectors {
		id := wire.SessionID(v.id)
		p := Password(id)
		if got := hex.EncodeToString(p[:]); got != v.passwd {
			t.Errorf("password of %v is %s, want %s", id, got, v.passwd)
		}
		if !ValidPassword(id, p[:]) {
			t.Errorf("password of %v is not valid", id)
		}
	}
}

func TestWrongPasswords(t *testing.T) {
	p, zero := Password(1), Password(0)
	flipped := p
	flipped[15] ^= 1
	for name, c := range map[string]struct {
		id     wire.SessionID
		passwd []byte
	}{
		"another id":   {2, p[:]},
		"one bit":      {1, flipped[:]},
		"too short":    {1, p[:15]},
		"too long":     {1, append(p[:], 0)},
		"null":         {1, nil},
		"session zero": {0, zero[:]},
	} {
		if ValidPassword(c.id, c.passwd) {
			t.Errorf("%s: accepted", name)
		}
	}
}
