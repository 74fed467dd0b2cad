// Package auth decides who a connection is and what it may do: authentication
// schemes, access control lists, and the users of SASL. It follows client reference
// sections 3.13, 6 and 11.
//
// # Identities
//
// A connection holds a list of ids {scheme, id}. It begins with its address
// (IPID) and grows by auth packets (Schemes.Authenticate), by SASL (SASLIDs) and
// by the client's certificate (Schemes.X509IDs); AddIDs joins them and bounds the
// list. Nothing is ever taken away, and a new connection of the same session
// begins anew.
//
//	scheme  id                                    registered
//	ip      the address                           always
//	digest  user:base64(SHA1("user:password"))    unless disabled
//	sasl    authorization id                      if Config.SASL
//	x509    subject DN, RFC 2253                  if Config.X509
//	super   -                                     never: passes every check
//	world   anyone                                never: in lists only
//	auth    -                                     never: expands to the ids of the caller
//
// # Access
//
// Schemes.Allowed answers whether ids may do something under a list;
// Schemes.FixupACL turns the list that a client sent into the one that is stored;
// Redact hides the digests of a list from those who may not administer it.
//
// # SASL
//
// Package sasl has the mechanism DIGEST-MD5. Here is who its users are: those of a JAAS
// file (ParseJAAS). GSSAPI is not implemented.
//
// Schemes is immutable and safe for concurrent use.
package auth
