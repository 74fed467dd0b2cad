// Package sasl is the SASL mechanism DIGEST-MD5 (RFC 2831) as ZooKeeper speaks it,
// between clients and servers (ClientService) and between servers (QuorumService): qop
// auth alone, md5-sess, UTF-8, one realm, no initial response. Client reference section
// 11 has the facts.
//
//	prover    (empty)
//	acceptor  realm="zk-sasl-md5",nonce="…",charset=utf-8,algorithm=md5-sess
//	prover    username="bob",realm="zk-sasl-md5",nonce="…",cnonce="…",nc=00000001,
//	          qop=auth,digest-uri="zookeeper/zk-sasl-md5",response=…,charset=utf-8
//	acceptor  rspauth=…
//
// An Acceptor and a Prover each serve one side of one exchange, by Step: a token of the
// other side's in, the next token out. They are pure: random bytes are handed in, and
// whoever has the connection carries the tokens.
package sasl
