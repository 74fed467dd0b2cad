// Package testserver runs a standalone server inside of a test, behind a way that the
// test can cut, block and silence. It is for tests of what talks to servers, and
// runs the same tests against a server of another kind where Environment names one.
package testserver
