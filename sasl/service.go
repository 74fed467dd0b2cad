package sasl

import "errors"

// A Service is what a proof is for: its digest-uri is the two joined by a slash.
type Service struct {
	Name  string
	Realm string // also the host part of the digest-uri
}

// ZooKeeper's two services.
var (
	// ClientService is that of a server to its clients.
	ClientService = Service{Name: "zookeeper", Realm: "zk-sasl-md5"}
	// QuorumService is that of a server to other servers.
	QuorumService = Service{Name: "zookeeper-quorum", Realm: "zk-quorum-sasl-md5"}
)

func (s Service) uri() string { return s.Name + "/" + s.Realm }

// NonceLen is how many random bytes each side of an exchange needs.
const NonceLen = 30

// maxToken bounds a token, as RFC 2831 does.
const maxToken = 4096

// Why an exchange failed.
var (
	// ErrFormat is a token that does not obey RFC 2831, or asks for what is not done here.
	ErrFormat = errors.New("sasl: malformed DIGEST-MD5 token")
	// ErrDenied is an unknown user or a wrong password.
	ErrDenied = errors.New("sasl: DIGEST-MD5 user unknown or password wrong")
)

// A state is how far an exchange has come.
type state uint8

const (
	atStart    state = iota // wants the first token
	challenged              // wants the second
	proved
	failed
)
