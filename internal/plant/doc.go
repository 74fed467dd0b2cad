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
// A bug belongs here only together with a test that fails without its checker:
// internal/sim keeps those, in files with the same build tag.
package plant
