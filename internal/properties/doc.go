// Package properties reads the syntax of java.util.Properties, in which
// ZooKeeper writes its configuration files and the membership of an ensemble.
//
// A key ends at the first unescaped '=', ':' or blank; '#' and '!' start
// comments; a line ending in an odd number of backslashes continues in the next;
// \t \n \r \f and \uXXXX are escapes, a backslash before anything else is
// dropped. Keys and values are then trimmed, as ZooKeeper does.
//
// Bytes are ISO 8859-1 characters, as in Java: a file with UTF-8 text outside
// ASCII means what ZooKeeper makes of it, so that both open the same files.
package properties
