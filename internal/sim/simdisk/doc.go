// Package simdisk is the disk of a simulated server: package memfs with faults,
// and with a time that each operation takes.
//
// The operations themselves happen at once, in the middle of an event; a server
// that is slow to write asks Latency how long to wait before and after. A crash
// may be armed to come after any number of operations (CrashAfter): that operation
// and all later ones fail with ErrCrashed, and what the machine finds when it
// starts again is taken at that moment. So a crash falls between any write and any
// sync, also in the middle of what takes no virtual time.
package simdisk
