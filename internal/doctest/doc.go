// Package doctest keeps the documentation true. It has tests only; they read the
// Markdown files of the repository and check what can be checked:
//
//   - links to files and headings resolve;
//   - tests that are named exist;
//   - every folder with code has its place in docs/architecture.md;
//   - keys and zoo.cfg examples are accepted by package zoocfg without a warning;
//   - metrics that are named are counted;
//   - commands of zabra in examples and in the text exist, with their flags;
//   - examples run, and print what the page says.
//
// # Examples that run
//
// A fenced block whose info string is "sh" and a name belongs to the example of
// that name. All blocks of one name on a page are one shell script, run in the
// order of the page, in an empty directory where bin/zabra is the binary, with
// "set -e". A fenced block "text" right behind one is what it prints: each line
// must be found in the output, in that order, not necessarily without others in
// between; "..." in a line stands for anything, and a blank for several.
//
// The ports 2181 and 8080 are replaced by free ones wherever they stand in the
// script, and set in the environment; "zabra cli" is told its server. Lines that begin
// with "git clone", "cd " or "go " are not run: they make what the test has made
// already. After a line that starts a server in the background the script waits until
// it serves.
//
// A block "sh" without a name is only checked for flags. A block "properties" is
// a zoo.cfg.
//
// # Environment
//
//	ZABRA_BINARY         the binary to run; without it ./cmd/zabra is built
//	ZABRA_DOCS=required  a missing tool (bash, curl) is a failure, not a skip
package doctest
