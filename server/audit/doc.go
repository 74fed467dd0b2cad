// Package audit writes the audit log: who changed what, from where, and whether it was
// allowed.
//
// A line has ZooKeeper's form, so that what reads ZooKeeper's audit log reads this one:
// fields, each a name, an equals sign and a value, with a tab between two; a field
// without a value is left out.
//
//	session     of the client, 0x and hexadecimal
//	user        names of the client's identities, with commas between: the part of a digest
//	            before the colon, else the id; for what the server does itself, the account
//	            that it runs under
//	ip          of the client
//	operation   create, delete, setData, setAcl, reconfig; multiOperation for a multi that
//	            failed (of one that succeeded each operation has its own line);
//	            ephemeralZNodeDeletionOnSessionCloseOrExpire; serverStart, serverStop
//	znode       path; when a create failed, the one that was asked for
//	znode_type  of a create: persistent, ephemeral, persistent_sequential …
//	acl         of a setAcl: scheme:id:permissions, with commas between entries
//	result      success, failure; invoked for serverStop
//
// What clients send stands in these values, so characters that would break a line or a
// field, and all other control characters, are written as \uXXXX.
//
// As in ZooKeeper a request is logged by the server that its client is connected to, and
// the nodes that go with a session by every server. Reads are not logged, nor is what is
// refused before it becomes a transaction.
//
// Three things differ. ZooKeeper puts nothing between two entries of an ACL; it leaves out
// the type of sequential and TTL nodes that a multi creates; and it writes control
// characters as they come.
//
// A [Log] takes events without ever waiting, since those who have them hold the tree's
// lock. They are written by one goroutine, to a file or to the server's own log. When it
// cannot keep up and too much waits, further events are lost, and an error in the
// server's log says how many. A file that is renamed or removed, as logrotate does, is
// opened anew.
package audit
