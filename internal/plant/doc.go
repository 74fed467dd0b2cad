// Package plant names bugs that may be planted in our own code, to prove that the
// tests which should catch them do.
//
// The code that can be made wrong asks for its bug where it decides:
//
//	if plant.In(plant.AckBeforeSync) {
//		return now // wrong on purpose
//	}
//
// In is a constant false, and the branch is compiled away, unless the build tag
// plant is set. With it, a test plants one bug at a time:
//
//	defer plant.Plant(plant.AckBeforeSync)()
//
// A bug belongs here only together with a test that fails without its checker. Those
// tests are in files with the same build tag, most of them in internal/sim; those of
// internal/faulttest build whole servers with it.
package plant
