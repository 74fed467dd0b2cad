// Package crashtest holds tests that treat the zabra binary as the world does:
// its process is killed, its files are damaged, its clients are hostile. It has no
// code of its own.
//
// The tests keep a model of everything that was acknowledged, and compare after
// every restart. What had no answer when the process died may have happened or
// not, but whole: the model asks once and then holds the server to it.
//
// The default run is short. ZABRA_CRASH_CYCLES sets how often the process is
// killed, ZABRA_CRASH_SEED repeats a run's random choices (the timing of a kill
// is not among them), and ZABRA_LONG_TESTS makes the others longer.
package crashtest
