// Package access says how a tool reaches a service, and who it is there: servers, TLS,
// SASL and other identities, as the user of a command says them by flags, in the
// environment, and in a configuration file of ZooKeeper's Java client. All commands of
// zabra that use package client take it from here, so that they take the same.
//
// # Who wins
//
// A flag, then the environment, then the file. They are merged setting by setting: a
// flag for the authority goes with a key store of the file.
//
// # Secrets
//
// No secret has to stand on a command line, where everybody on the machine can read
// it: each can be in a file, or in the environment. None is in an error, and what
// holds one does not print it.
//
// # The file
//
// A properties file with the keys of ZKClientConfig and ClientX509Util of ZooKeeper
// 3.9.5, with or without "zookeeper." before them:
//
//	client.secure                            true: TLS
//	ssl.keyStore.*, ssl.trustStore.*         location, password, passwordPath, type
//	ssl.protocol, ssl.enabledProtocols, ssl.ciphersuites
//	ssl.hostnameVerification                 false: whoever an authority has signed
//	ssl.crl, ssl.ocsp, ssl.context.supplier.class   are refused, see package tlsconf
//	sasl.client                              false: no SASL
//	sasl.clientconfig                        section of the JAAS file; Client
//	java.security.auth.login.config          the JAAS file, in Java a property of the JVM
//	jute.maxbuffer                           bytes of a request, decimal or 0x
//
// Other keys mean nothing here.
package access
