// Package differ sends the same random requests to two servers and compares
// everything that comes back.
//
// A run is a list of steps made from one seed. A step is one request of one of
// several sessions, or something that happens to a connection (dropped,
// reattached, taken over, refused). After it every session is asked for a ping:
// what a server has to say to anybody because of the step has then arrived, in
// the order it was sent. So one step has one outcome per server, a list of
// lines, and the two lists must be equal.
//
// What may differ is named before the comparison: a zxid by the step that took
// it (@12), a session id by slot and generation (s3.1), a time by whether it is
// set. Orders that the protocol leaves open (children, ephemerals, the ids of a
// connection) are sorted. What Zabra does differently on purpose is never sent:
// Exclusions lists it with the reason.
//
// The generator learns from the first server's answers (paths with sequence
// numbers), so a seed means the same run as long as the first server is the same.
package differ
