package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/access"
)

// accessEnv begins the names of the variables that stand in for flags.
const accessEnv = "ZABRA_CLI_"

// accessHelp is said by every command that has these flags.
const accessHelp = `Where and as whom to connect can be said in the environment, too: ZABRA_CLI_SERVER
stands in for --server, ZABRA_CLI_AUTH_FILE for --auth-file, and so on; a flag wins.
Secrets need not stand on the command line: --auth-file has a scheme:credentials a
line, and the password of --sasl-user is in ZABRA_CLI_SASL_PASSWORD or in the file
that --sasl-password-file names.`

// An accessFlags is how a command reaches the service.
type accessFlags struct {
	servers string
	access.Access
	set *pflag.FlagSet
}

// standIns are the flags that the environment may stand in for.
var standIns = []string{"server", "auth", "auth-file", "sasl-user", "sasl-password-file", "jaas-file",
	"tls", "cafile", "cert", "key", "tls-server-name", "client-configuration", "max-request"}

func (a *accessFlags) register(f *pflag.FlagSet, servers string) {
	a.set = f
	f.StringVarP(&a.servers, "server", "s", "127.0.0.1:2181", servers)
	f.StringArrayVar(&a.Auth, "auth", nil, "scheme:credentials to authenticate with, such as digest:user:password")
	f.StringVar(&a.AuthFile, "auth-file", "", "file with such, one a line")
	f.StringVar(&a.SASLUser, "sasl-user", "", "who to be by SASL, mechanism DIGEST-MD5")
	f.StringVar(&a.SASLPasswordFile, "sasl-password-file", "", "file with the password of --sasl-user, if it is not in ZABRA_CLI_SASL_PASSWORD")
	f.StringVar(&a.JAASFile, "jaas-file", "", "Java's login configuration, whose section Client says who to be by SASL")
	f.BoolVar(&a.TLS, "tls", false, "connect by TLS; the other TLS flags imply it")
	f.StringVar(&a.CA, "cafile", "", "PEM file with the authorities that may have signed the servers' certificates")
	f.StringVar(&a.Cert, "cert", "", "PEM file with a client certificate")
	f.StringVar(&a.Key, "key", "", "PEM file with its key; the file of the certificate if not given")
	f.StringVar(&a.ServerName, "tls-server-name", "", "name that the servers' certificates must have, if it is not the host's")
	f.StringVar(&a.ConfigFile, "client-configuration", "", "properties file of ZooKeeper's Java client; its TLS and SASL settings and jute.maxbuffer are used")
	f.IntVar(&a.MaxRequest, "max-request", 0, "most bytes of a request, as the servers have in jute.maxbuffer; 1048575 if not given")
}

// options are the client's options that the flags and the environment make.
func (a *accessFlags) options() (client.Options, error) {
	if err := a.fromEnvironment(); err != nil {
		return client.Options{}, usageError{err}
	}
	o, err := a.Access.Options()
	if err != nil {
		return client.Options{}, usageError{err}
	}
	return o, nil
}

// fromEnvironment sets what no flag has set. An empty variable is none.
func (a *accessFlags) fromEnvironment() error {
	for _, name := range standIns {
		variable := accessEnv + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		value := os.Getenv(variable)
		if value == "" || a.set.Changed(name) {
			continue
		}
		if err := a.set.Set(name, value); err != nil {
			return fmt.Errorf("%s: it is no value of --%s", variable, name)
		}
	}
	a.SASLPassword = os.Getenv(accessEnv + "SASL_PASSWORD")
	return nil
}
