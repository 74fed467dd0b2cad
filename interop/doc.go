// Package interop tests Zabra with clients and servers that others wrote:
// Apache ZooKeeper's Java client and shell, its C client, Curator, kazoo and go-zookeeper,
// and a raw client of our own. "make interop" runs all of it.
//
// The judge is Apache ZooKeeper 3.9.5. Every test does the same to both servers
// and wants the same from both:
//
//   - client programs (java/, python/, c/, gozk_test.go) print a transcript of what
//     they saw; the transcripts must be equal;
//   - the probes (probe*_test.go) are single requests whose answers are known: each
//     is asserted on both servers, so that the table itself is checked too;
//   - the differential test sends a random, seeded sequence of requests to both and
//     compares every reply and every event (package differ);
//   - four-letter words and the admin server are compared by shape.
//
// Ensembles of both kinds of servers (ensemble*_test.go) are asked the same through
// each of their servers, lose servers and disks, and must show equal trees on all of
// them; Apache's own check of digests must not have found a difference. A rolling
// migration (migration_test.go) replaces three Apache servers by Zabra, and back,
// under load. Most mixes run in the long form only.
//
// Where Zabra differs on purpose, the difference has a name and a reason in the
// code, and a probe that shows it.
//
// # Running
//
//	make interop                                  everything, nothing may be skipped
//	go test ./interop/...                         what is not installed is skipped
//	go test ./interop -run Differential -seed 7   replays one sequence
//	ZABRA_INTEROP_SUBJECT=apache go test ./interop/...
//	                                              Apache judged by itself: proves the tests
//
// See package harness for the environment variables.
package interop
