package tlsconf

import (
	"errors"
	"fmt"
)

// A StoreError is a key or trust store that cannot be used.
type StoreError struct {
	Key  string // the configuration key that names the store: ssl.keyStore.location
	Path string
	Err  error
}

// Error implements error.
func (e *StoreError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Key, e.Path, e.Err) }

// Unwrap returns the cause.
func (e *StoreError) Unwrap() error { return e.Err }

// A PolicyError is a setting that cannot be honoured.
type PolicyError struct {
	Key     string
	Value   string
	Problem string // what is wrong and what would be right
}

// Error implements error.
func (e *PolicyError) Error() string { return fmt.Sprintf("%s = %q: %s", e.Key, e.Value, e.Problem) }

// Causes of a StoreError.
var (
	ErrBCFKS       = errors.New("BCFKS stores are not supported; convert it to PKCS12 or PEM")
	ErrJCEKS       = errors.New("JCEKS stores are not supported; convert it with keytool -importkeystore -deststoretype PKCS12")
	ErrUnknownType = errors.New("cannot tell the format; name the file .jks, .pem or .p12, or set the type")
	ErrNoKey       = errors.New("holds no private key with a certificate")
	ErrNoTrust     = errors.New("holds no trusted certificate")
	ErrPassword    = errors.New("wrong password, or a damaged file")
	ErrTooLarge    = errors.New("larger than 16 MiB")
)
