package access

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/server/auth"
)

// maxFile bounds what a person has written, and the certificates of authorities.
const maxFile = 1 << 20

var errLarge = errors.New("larger than 1 MiB")

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: %w", path, errLarge)
	}
	return text, err
}

func authorities(path string) (*x509.CertPool, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, fmt.Errorf("--cafile: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--cafile %s: there is no PEM certificate in it", path)
	}
	return pool, nil
}

// fromJAAS is the user of a section of a JAAS file. The errors do not name the file.
func fromJAAS(path, section string) (client.SASL, error) {
	text, err := readSmall(path)
	if err != nil {
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, err
	}
	sections, err := auth.ParseJAAS(string(text))
	if err != nil {
		return nil, err
	}
	modules, ok := sections[section]
	if !ok {
		return nil, fmt.Errorf("it has no section %q", section)
	}
	for _, m := range modules {
		switch {
		case strings.HasSuffix(m.Class, "Krb5LoginModule"):
			return nil, fmt.Errorf("section %q is for Kerberos, which is not supported; want a DigestLoginModule", section)
		case strings.HasSuffix(m.Class, "DigestLoginModule") && m.Options["username"] != "":
			return client.DigestMD5(m.Options["username"], m.Options["password"]), nil
		}
	}
	return nil, fmt.Errorf("section %q has no DigestLoginModule with a username", section)
}
