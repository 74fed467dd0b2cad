package zoocfg

import (
	"slices"

	"github.com/zabra/zabra/wire"
)

// What is allowed, and seldom meant, is a warning.

const warnBelowVoters = 3

func (l *loader) adviseUnsafe() {
	if l.cfg.Auth.SkipACL {
		l.advise("skipACL", "is on; everyone may do everything")
	}
	l.adviseSASL()
	l.adviseProviders()
}

// adviseProviders warns of providers that are code of others: without a word somebody
// would rely on them.
func (l *loader) adviseProviders() {
	known := []string{"SASL", "X509", "Digest", "IP", "Ensemble"}
	for _, p := range l.cfg.Auth.Providers {
		if !slices.ContainsFunc(known, func(name string) bool {
			return p.Class == "org.apache.zookeeper.server.auth."+name+"AuthenticationProvider"
		}) {
			l.advise("authProvider."+p.Name, "%s is Java code, which is not run here: its scheme does not exist", p.Class)
		}
	}
}

// adviseSASL warns where SASL is asked for and nobody can log in with it. ZooKeeper
// gets its users from a JVM property, which a zoo.cfg that moves here does not have.
func (l *loader) adviseSASL() {
	a := &l.cfg.Auth
	if a.JAASFile != "" {
		return
	}
	const remedy = "nobody can log in with SASL: set java.security.auth.login.config, which ZooKeeper has from its JVM's options, to the file with the users"
	switch {
	case slices.Contains(a.EnforcedSchemes(), "sasl"):
		key := "enforce.auth.schemes"
		if a.RequireSASL {
			key = "sessionRequireClientSASLAuth"
		}
		l.advise(key, "%s", remedy)
	case a.Scheme("SASLAuthenticationProvider"):
		for _, p := range a.Providers {
			if p.Class == "org.apache.zookeeper.server.auth.SASLAuthenticationProvider" {
				l.advise("authProvider."+p.Name, "%s", remedy)
				return
			}
		}
	}
}

func (l *loader) adviseEnsemble() {
	e := &l.cfg.Ensemble
	if !e.Distributed {
		return
	}
	l.adviseLoopback()
	l.adviseLacks()
	voters := e.Voters()
	switch {
	case voters > 0 && voters < warnBelowVoters:
		l.advise("server.N", "%d voting server(s) survive no failure; have three, which survive one", voters)
	case len(e.Groups) > 0:
		if groups := e.weighing(); groups > 0 && groups%2 == 0 {
			l.advise("group.N", "%d groups survive the loss of no more groups than %d; add a group, or make two of them one", groups, groups-1)
		}
	case voters > 0 && voters%2 == 0:
		l.advise("server.N", "%d voting servers survive no more failures than %d; add one, or make one an observer", voters, voters-1)
	}
}

// weighing counts the groups that have any weight, of whom more than half decide.
func (e *Ensemble) weighing() (n int) {
	c := e.membership()
	for _, g := range e.Groups {
		if slices.ContainsFunc(g.Members, func(id wire.SID) bool { return c.IsVoter(id) && c.Weight(id) > 0 }) {
			n++
		}
	}
	return n
}
