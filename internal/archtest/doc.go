// Package archtest holds the rules of the house that a compiler does not know,
// as tests: which packages are pure and what they therefore do not import, which
// way the arrows between our packages point, where the package comment stands.
// It has no code to import. A rule that has to give way is changed here, with
// its reason, in the commit that needs it.
package archtest
