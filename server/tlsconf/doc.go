// Package tlsconf turns the ssl keys of a ZooKeeper configuration into TLS: key
// and trust stores in Java's and other formats, versions and suites by Java's
// names, client certificates, and certificates that change while the server
// runs. It also knows how ZooKeeper names a client by its certificate.
//
// # Stores
//
// A store is JKS, PKCS12 or PEM. The type is stated or told by the extension
// (.jks, .p12, .pem); JKS and PKCS12 are then told apart by content, because
// Java opens either under either name and keytool has written PKCS12 into .jks
// files since Java 9. A key store gives every private key whose password is that
// of the store, with the chain found beside it. A trust store gives its trusted
// certificates; in PKCS12 those that carry Java's mark. A trusted certificate
// need not be self-signed or an authority: a client that shows the very
// certificate is trusted too. BCFKS and JCEKS are errors.
//
// # Policy
//
// TLS 1.2 and 1.3 only. A setting whose silent absence would be a hole is an
// error (crl, ocsp, a Java class, an unknown suite); one that only cannot be
// offered is left out and said so in Notes.
//
// # Between servers
//
// ForQuorum is for both ends of a connection between servers (ssl.quorum keys). The
// one who dials always checks the certificate of the other against the trust store,
// and with hostnameVerification its names against the host that was dialled, then
// against the address that was reached. The other one does as a client port does:
// clientAuth, and names against the address, or with reverse DNS its name.
//
// # Reload
//
// With Reload on, a handshake looks whether a store or password file has another
// time or size, at most once a second. New material holds from that handshake
// on; if it cannot be read the old one stays, and onReload is told.
//
// # Names
//
// The id of a client with a certificate is "x509:" and SubjectName of it. ACLs
// hold that text literally, so SubjectName is Java's X500Principal.getName() to
// the last escape, and ValidName, which decides whether an ACL id of the scheme
// is acceptable, is Java's X500Principal(String). Both are compared with
// recorded results of OpenJDK 17.
//
// Source of the facts: section 11 of the reference of ZooKeeper's client
// protocol, and X509Util, SSLContextAndOptions and KeyStoreFileType of ZooKeeper
// 3.9.5.
package tlsconf
