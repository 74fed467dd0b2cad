package auth

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

func BenchmarkAllowed(b *testing.B) {
	s := mustNew(b, Config{})
	ids := []wire.ID{id("ip", "10.1.2.3"), id("digest", bobDigest)}
	for _, c := range []struct {
		name string
		acl  []wire.ACL
	}{
		{"world", wire.WorldAnyone(31)},
		{"digest", []wire.ACL{ace(31, "digest", bobDigest)}},
		{"ip", []wire.ACL{ace(31, "ip", "10.0.0.0/8")}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Allowed(c.acl, ids, wire.PermRead)
			}
		})
	}
}
