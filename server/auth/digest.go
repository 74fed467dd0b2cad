package auth

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"unicode/utf8"
)

// digestHash returns the hash that Java knows by the name, SHA1 for none.
func digestHash(name string) (func() hash.Hash, error) {
	switch strings.ToUpper(name) {
	case "", "SHA1", "SHA-1", "SHA":
		return sha1.New, nil
	case "MD5":
		return md5.New, nil
	case "SHA-224", "SHA224":
		return sha256.New224, nil
	case "SHA-256", "SHA256":
		return sha256.New, nil
	case "SHA-384", "SHA384":
		return sha512.New384, nil
	case "SHA-512", "SHA512":
		return sha512.New, nil
	case "SHA3-224":
		return func() hash.Hash { return sha3.New224() }, nil
	case "SHA3-256":
		return func() hash.Hash { return sha3.New256() }, nil
	case "SHA3-384":
		return func() hash.Hash { return sha3.New384() }, nil
	case "SHA3-512":
		return func() hash.Hash { return sha3.New512() }, nil
	}
	return nil, fmt.Errorf("auth: DigestAuthenticationProvider.digestAlg %q is not a known hash; use SHA1, SHA-256, SHA-384, SHA-512 or SHA3-256", name)
}

// DigestID returns the id that digest credentials, user:password, stand for:
// user:base64(hash(user:password)). The user ends at the first colon; without
// one, all of it is the user.
func (s *Schemes) DigestID(credentials string) string {
	if !utf8.ValidString(credentials) {
		credentials = string([]rune(credentials))
	}
	user, _, _ := strings.Cut(credentials, ":")
	h := s.newHash()
	h.Write([]byte(credentials))
	return user + ":" + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// validDigestID reports whether an ACL may hold the id: two parts around one
// colon, of which the second is not empty. Colons at the end do not count.
func validDigestID(id string) bool {
	return strings.Count(strings.TrimRight(id, ":"), ":") == 1
}
