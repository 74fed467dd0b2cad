package zoocfg

import (
	"slices"
	"strings"
)

// A superUser is the field of the key superUser, which adds to the same list as
// the family superUser.X.
type superUser []string

func (s *superUser) add(id string) {
	if id != "" && !slices.Contains(*s, id) {
		*s = append(*s, id)
	}
}

func addSuperUser(c *Config, _, value string, _ Origin) (want string) {
	(*superUser)(&c.Auth.SuperUsers).add(value)
	return ""
}

func addProvider(c *Config, suffix, value string, _ Origin) (want string) {
	if value == "" || strings.ContainsAny(value, " \t") {
		return "the name of a Java class"
	}
	at, found := slices.BinarySearchFunc(c.Auth.Providers, suffix, func(p Provider, name string) int {
		return strings.Compare(p.Name, name)
	})
	if found {
		c.Auth.Providers[at].Class = value
		return ""
	}
	c.Auth.Providers = slices.Insert(c.Auth.Providers, at, Provider{Name: suffix, Class: value})
	return ""
}
